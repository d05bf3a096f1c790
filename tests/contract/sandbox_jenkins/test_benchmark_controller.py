"""The controller of the benchmarks is the sandbox, in a process that ends with its starter."""

import requests

from benchmarks.jobs.controller import running


def test_it_answers_counts_and_ends():
    with running() as controller:
        auth = (controller.user, controller.token)
        assert requests.get(f"{controller.url}/api/json", auth=auth, timeout=10).json()["jobs"] == []
        assert controller.counts() == {"GET": 1}
        controller.fault(kind="status", every=1, times=1, retry_after=1)
        assert requests.get(f"{controller.url}/api/json", auth=auth, timeout=10).status_code == 503
        controller.forget()
        assert (controller.counts(), controller.most_at_once()) == ({}, 0)
        controller.set_latency(0.001)
        assert requests.get(f"{controller.url}/api/json", auth=auth, timeout=10).status_code == 200
    try:
        requests.get(f"{controller.url}/api/json", timeout=2)
    except requests.ConnectionError:
        return
    raise AssertionError("it still answers")
