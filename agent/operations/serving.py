"""What serves now, as the ledger knows it: which of its releases that is, and how reports show it."""

from __future__ import annotations

from agent.errors import UsageError
from agent.objects import Object, ref
from agent.release import images
from agent.release.choice import newest
from agent.release.digest import of_template
from agent.release.ledger import Ledger
from agent.release.record import Release
from agent.reports.events import Serving
from agent.rollout.completion import completion
from agent.rollout.feed import Applied
from agent.rollout.snapshot import Snapshot


def known_release(ledger: Ledger, live: Object | None) -> Release | None:
    """The release of the ledger that serves: whose pod template is the live one.

    That is the one which the ledger says serves; after a deploy that was killed before its write, or a template that
    somebody put back by hand, another one. An undo that failed, or was killed, leaves its target's template behind:
    until that is rolled out, pods of the release that was left still serve, and it can be left once more.
    """
    if live is None:
        return None
    template = of_template(live)
    serving = ledger.serving
    if serving is not None and serving.template == template:
        return serving
    found = newest(each for each in ledger.releases if each.template == template and each.rollout != "refused")
    if found is None or serving is None or is_complete(live):
        return found
    undone, intent = serving.undone, ledger.intent
    failed = undone is not None and (undone.to, undone.result) == (found.number, "failed")
    open_ = intent is not None and (intent.kind, intent.release, intent.target) == (
        "undo",
        serving.number,
        found.number,
    )
    return serving if failed or open_ else found


def left_release(ledger: Ledger, live: Object | None) -> Release | None:
    """The release that an undo leaves: the one that serves, or else the one that somebody has left half written.

    Of that one the configuration may be there and the pods not, or it was half undone: what serves is no more than what
    should come back.
    """
    known, intent = known_release(ledger, live), ledger.intent
    if known is None or intent is None or intent.kind == "restart" or intent.release != ledger.current:
        return known
    return ledger.release(intent.release) or known


def is_complete(live: Object) -> bool:
    """Whether a workload, as it is, is rolled out completely (kubectl's rule)."""
    snapshot = Snapshot(ref(live))
    snapshot.fold(Applied(0.0, live))
    return completion(snapshot) is not None


def serving(release: Release) -> Serving:
    """A recorded release as reports show it."""
    good = release.judgement == "good"
    return Serving(release.number, release.image, release.version, release.ended or release.started, verified=good)


def serving_now(live: Object, known: Release | None, container: str) -> Serving:
    """What a live workload runs, as reports show it."""
    if known is not None:
        return serving(known)
    image = images.of_container(live, container) or images.of_container(live, "")
    return Serving(0, image, version_of(image))


def version_of(image: str) -> str:
    """The version that an image's reference tells; empty where it is no reference."""
    try:
        return images.version(image)
    except UsageError:
        return ""
