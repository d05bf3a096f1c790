"""Runs smoke checks: asks until the answer is right or `within` has passed, one check after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.errors import RemoteError
from agent.objects import Object, Ref, name, uid
from agent.operations import pods
from agent.operations.mission import Running, Tools
from agent.ports import HttpAnswer
from agent.reports.deploy import Phase, SmokeReport
from agent.reports.events import Noted, Smoked
from agent.smoke import judge
from agent.smoke.check import SmokeCheck, filled, pod_port, service_port, serving_service

ONE_ANSWER = 5.0
"""Seconds that one HTTP answer may take."""
BASELINE = 3.0
"""Seconds for which a check that fails on the old release is tried again: it holds up a deploy, but one blip is no
reason to excuse the check ever after."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a check: what was wrong (empty: nothing), and what was answered."""

    problem: str
    answer: str = ""
    pod: str = ""
    summary: str = ""


def _go_on() -> None:
    """Nobody is asked."""


def smoke(
    tools: Tools, running: Running, phase: Phase, *, heed: Callable[[], None] = _go_on
) -> tuple[SmokeReport, ...]:
    """All checks of a release, in order; each is run even if one before failed: a person wants the whole picture.

    Args:
        tools: the doors to the outside.
        running: the release that serves now.
        phase: `baseline`, `deploy`, `soak` or `undo`.
        heed: called before each try; raises where we should not go on.
    """
    for unasked in running.unasked:
        text = f"{unasked} is not asked: its command stands in the ledger alone, and is run from a spec only"
        tools.emit(Noted(tools.clock.monotonic(), "smoke", text))
    if not running.checks:
        return ()
    live = tools.cluster.get(running.place.workload)
    if live is not None and not pods.wants_pods(live):
        tools.emit(Noted(tools.clock.monotonic(), "smoke", "skipped: no replicas are wanted"))
        return ()
    newest = pods.Newest(tools.cluster, live) if live is not None else None
    return tuple(
        _run(tools, check, phase, _asker(tools, running, filled(check, running.words), newest), heed=heed)
        for check in running.checks
    )


def _run(
    tools: Tools,
    check: SmokeCheck,
    phase: Phase,
    ask: Callable[[float], Try],
    *,
    heed: Callable[[], None],
) -> SmokeReport:
    began = tools.clock.monotonic()
    again = began + (min(check.within, BASELINE) if phase == "baseline" else check.within)
    tries = 0
    while True:
        heed()
        left = began + check.within - tools.clock.monotonic()
        answer = _asked(ask, max(left, 0.1), phase)
        tries += 1
        wait = judge.pause(tries)
        now = tools.clock.monotonic()
        if not answer.problem or now + wait >= again:
            break
        tools.emit(
            Smoked(now, check.name, passed=False, text=answer.problem, seconds=now - began, step=phase, final=False)
        )
        tools.clock.sleep(wait)
    seconds = tools.clock.monotonic() - began
    passed = not answer.problem
    detail = answer.summary if passed else f"{answer.problem}, {_tries(tries)} in {seconds:.0f} s"
    tools.emit(Smoked(tools.clock.monotonic(), check.name, passed=passed, text=detail, seconds=seconds, step=phase))
    return SmokeReport(
        name=check.name,
        phase=phase,
        passed=passed,
        detail=detail,
        tries=tries,
        seconds=seconds,
        answer="" if passed else judge.shown(answer.answer),
        pod="" if passed else answer.pod,
    )


def _asked(ask: Callable[[float], Try], left: float, phase: Phase) -> Try:
    """One try. Once a release is written, a cluster that refuses (403, 401) fails the check: it stays unverified.

    Before the first write (the baseline) the refusal stops everything.
    """
    try:
        return ask(left)
    except RemoteError as problem:
        if phase == "baseline":
            raise
        return Try(f"no way to ask: {problem.message}")


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"


def _asker(tools: Tools, running: Running, check: SmokeCheck, newest: pods.Newest | None) -> Callable[[float], Try]:
    """What asks the check once, given the seconds that are left."""
    if check.via == "command":
        return lambda left: _command(tools, running, check, left)
    if check.via == "url":
        return lambda left: _url(tools, running, check, left)
    if check.via == "service":
        return lambda left: _service(tools, running, check, left)
    passed: set[str] = set()
    return lambda left: _pods(tools, running, check, left, newest, passed)


def _timeout(left: float) -> float:
    return max(min(ONE_ANSWER, left), 0.5)


def _pods(
    tools: Tools, running: Running, check: SmokeCheck, left: float, newest: pods.Newest | None, passed: set[str]
) -> Try:
    """Every pod of the new revision must have passed; one that has isn't asked again."""
    place = running.place
    until = tools.clock.monotonic() + left
    if newest is None:
        return Try(f"{place.workload} is not there")
    present = newest.pods()
    if not present:
        return Try("there is no pod to ask")
    for pod in present:
        if uid(pod) in passed:
            continue
        port = pod_port(pod, running.container, check.port)
        if not port:
            return Try(_no_port(check, f"container {running.container}"), pod=name(pod))
        answer = tools.cluster.probe(
            "pods", place.namespace, name(pod), port, check.path, timeout=_timeout(until - tools.clock.monotonic())
        )
        problem = judge.http(check, answer.status, answer.body, answer.error)
        if problem:
            return Try(problem, answer.body, name(pod))
        passed.add(uid(pod))
    return Try("", summary=f"{check.status} from {len(present)} pod{'s' if len(present) != 1 else ''}")


def _no_port(check: SmokeCheck, where: str) -> str:
    if check.port:
        return f"{where} has no port '{check.port}'"
    return f"{where} has no single port to ask: name one in the check's port"


def _service(tools: Tools, running: Running, check: SmokeCheck, left: float) -> Try:
    place = running.place
    found = _find_service(tools, running)
    if found is None:
        return Try(f"no Service selects the pods of {place.workload}")
    port = service_port(found, check.port)
    if not port:
        return Try(_no_port(check, f"service {name(found)}"))
    answer = tools.cluster.probe("services", place.namespace, name(found), port, check.path, timeout=_timeout(left))
    return _judged(check, answer, f"service {name(found)}")


def _find_service(tools: Tools, running: Running) -> Object | None:
    """The release's own Service, else one of the namespace that selects the pods."""
    chosen = serving_service(running.objects, running.workload)
    if chosen:
        return tools.cluster.get(Ref("v1", "Service", running.place.namespace, chosen))
    there = tools.cluster.list("v1", "Service", running.place.namespace)
    workload = running.workload or tools.cluster.get(running.place.workload) or {}
    chosen = serving_service(tuple({**one, "kind": "Service"} for one in there), workload)
    return next((one for one in there if name(one) == chosen), None)


def _url(tools: Tools, running: Running, check: SmokeCheck, left: float) -> Try:
    if not running.place.url:
        return Try(f"environment '{running.place.environment}' has no url to ask")
    url = running.place.url.rstrip("/") + "/" + check.path.lstrip("/")
    return _judged(check, tools.prober.get(url, timeout=_timeout(left)), url)


def _judged(check: SmokeCheck, answer: HttpAnswer, source: str) -> Try:
    problem = judge.http(check, answer.status, answer.body, answer.error)
    return Try(problem, answer.body, summary=f"{answer.status} from {source}")


def _command(tools: Tools, running: Running, check: SmokeCheck, left: float) -> Try:
    words = {
        "URL": running.place.url,
        "VERSION": running.version,
        "NAMESPACE": running.place.namespace,
        "SERVICE": running.place.service,
        "ENVIRONMENT": running.place.environment,
    }
    answer = tools.prober.run(check.command, environment=words, timeout=max(left, 1.0))
    problem = judge.command(answer.status, check.within)
    return Try(problem, answer.output, summary="exit status 0")
