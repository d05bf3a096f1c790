"""Who is deploying."""

from __future__ import annotations

import socket

from agent.adapters.build import Build, of_process


def test_a_jenkins_build():
    environment = {
        "BUILD_URL": "https://ci.example.com/job/shop/42/",
        "BUILD_TAG": "jenkins-shop-42",
        "GIT_COMMIT": "0123abc",
        "USER": "jenkins",
    }
    url = environment["BUILD_URL"]
    assert of_process(environment) == Build(id=url, name="jenkins-shop-42", url=url, commit="0123abc")


def test_a_person():
    found = of_process({"USER": "maria"})
    assert found.id == found.name == f"maria@{socket.gethostname()}"
    assert (found.url, found.commit) == ("", "")


def test_somebody_without_a_name(monkeypatch):
    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert of_process({}).id.startswith("uid-")


def test_values_are_one_word_of_sane_length():
    found = of_process({"BUILD_URL": "https://ci/\r\nX: y\x1b[31m" + "a" * 9999})
    assert "\n" not in found.id
    assert "\x1b" not in found.id
    assert len(found.id) == 512
