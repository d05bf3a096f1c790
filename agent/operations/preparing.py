"""What must hold before the first write of a deploy, and what the ledger shall say of it. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.errors import RefusedError, UsageError
from agent.objects import Object, Ref, ref
from agent.operations.applying import Step, plan
from agent.operations.mission import Mission, Tools
from agent.operations.paused import demand_resumed
from agent.operations.serving import is_complete, known_release, serving_now, version_of
from agent.release import images
from agent.release.digest import cleaned, of, of_configuration, of_template, without_secrets
from agent.release.ledger import Intent, Ledger, ReleaseSet
from agent.release.record import Release
from agent.reports.events import Serving


@dataclass(frozen=True, slots=True)
class Prepared:
    """A deploy that the server would take.

    Attributes:
        steps: every object, tried on the server.
        live: the followed workload as it is now; None: it will be created.
        complete: whether that one is rolled out completely.
        known: the release of the ledger that it is; None: the ledger doesn't know it.
        now: what serves now, for reports.
        unchanged: the deploy would change nothing of a good release.
        remarks: what a reader should know first.
    """

    steps: tuple[Step, ...]
    live: Object | None
    complete: bool
    known: Release | None
    now: Serving | None
    unchanged: bool
    container: str
    remarks: tuple[str, ...] = ()

    @property
    def template_before(self) -> str:
        """Digest of the pod template that is there now."""
        return of_template(self.live) if self.live else ""

    def with_external(self, ledger: Ledger, tools: Tools, baseline: Mapping[str, bool] | None = None) -> Ledger:
        """The ledger with what serves now as a release of its own, where it is complete and the ledger doesn't know it.

        It is good when its baseline passed, or nothing was there to be asked; what failed its baseline served, though,
        and can still be gone back to (contract section 7). One that it knows, and somebody has put back, served last.
        """
        if self.live is None or not self.complete:
            return ledger
        if self.known is not None:
            return ledger if self.known.number == ledger.current else ledger.put_back(self.known.number)
        there = tuple(step.live for step in self.steps if step.live is not None)
        return with_external(ledger, tools.clock.utc(), self.live, there, self.container, baseline)

    def with_release(self, ledger: Ledger, tools: Tools, mission: Mission, excused: tuple[str, ...] = ()) -> Ledger:
        """The ledger with the release that is about to be written, and the intent to write it.

        `excused` are the smoke checks that have failed their baseline.
        """
        content = mission.content
        now = tools.clock.utc()
        release = Release(
            number=ledger.next_number,
            image=content.image,
            version=content.version,
            objects=content.digest,
            template=next((of_template(step.answer) for step in self.steps if step.ref == content.workload), ""),
            pair=mission.pair,
            created=tuple(str(step.ref) for step in self.steps if step.action == "create"),
            build=tools.builder.name,
            commit=tools.builder.commit,
            secrets=mission.secrets,
            started=now,
            soak="not-run" if mission.soak else "",
        )
        intent = Intent(
            kind="deploy",
            release=release.number,
            build=tools.builder.name,
            started=now,
            on_abort=mission.undo.on_abort,
            excused=excused,
        )
        for each in ledger.releases:
            if each.judgement == "open":
                ledger = ledger.changed(each.number, rollout="interrupted", judgement="unjudged", ended=now)
        filled = replace(ledger.added(release, _kept(mission)).serves(release.number), intent=intent)
        migrated = release.number if mission.undo.one_way else ledger.migrated
        return replace(filled, service=mission.place.service, migrated=migrated)


def _kept(mission: Mission) -> ReleaseSet:
    """What the ledger keeps of it, so that an undo can apply and ask it again."""
    checks = tuple(check.to_dict() for check in mission.checks)
    content = mission.content
    return ReleaseSet(without_secrets(content.objects), checks, content.container, mission.place.url)


def with_external(
    ledger: Ledger,
    now: str,
    live: Object,
    there: Sequence[Object],
    container: str,
    baseline: Mapping[str, bool] | None = None,
) -> Ledger:
    """The ledger with a release for what somebody else made, which serves now.

    Args:
        ledger: the history.
        now: RFC 3339, UTC.
        live: the followed workload.
        there: all live objects that belong to the release, the workload among them.
        container: the one that is watched.
        baseline: which smoke checks passed on it.
    """
    objects = tuple(cleaned(thing) for thing in there)
    content = ReleaseSet(without_secrets(objects), (), container)
    image = images.of_container(live, container) or images.of_container(live, "")
    passed = all((baseline or {}).values())
    release = Release(
        number=ledger.next_number,
        origin="external",
        image=image,
        version=version_of(image),
        objects=of(list(content.objects)),
        template=of_template(live),
        pair=of_configuration(objects),
        started=str((live.get("metadata") or {}).get("creationTimestamp") or ""),
        ended=now,
        rollout="complete",
        smoke="none" if not baseline else "passed" if passed else "failed",
        judgement="good" if passed else "unjudged",
    )
    return ledger.added(release, content).serves(release.number)


def gates(ledger: Ledger, mission: Mission, now: str) -> None:
    """What policy forbids.

    Args:
        ledger: the history.
        mission: what is asked for.
        now: RFC 3339, UTC.

    Raises:
        UsageError: a manifest pauses its own rollout.
        RefusedError: frozen, or known to be bad.
    """
    for thing in mission.content.objects:
        if thing.get("kind") == "Deployment" and (thing.get("spec") or {}).get("paused"):
            raise UsageError(
                f"nothing was changed: the manifest of {ref(thing)} has paused: true, so its rollout would never end",
                hint="take spec.paused out of the manifest",
            )
    freeze = ledger.freeze
    if freeze is not None and freeze.holds(now):
        until = f" until {freeze.until}" if freeze.until else ""
        raise RefusedError(
            f"nothing was changed: {ledger.workload} is frozen{until} by {freeze.by}: {freeze.reason}",
            hint="`headway thaw` lifts it; `headway undo` is always allowed",
        )
    bad = ledger.known_bad(mission.content.image, mission.pair)
    if bad is not None and not mission.allow_known_bad:
        raise RefusedError(
            f"nothing was changed: image and configuration are known to be bad since {bad.label}: {bad.cause}",
            hint="deploy another image or configuration, or say --allow-known-bad",
        )


def prepare(tools: Tools, mission: Mission, ledger: Ledger) -> Prepared:
    """Tries the release on the server and looks at what is there.

    Raises:
        HeadwayError: it can't be deployed; nothing was changed.
    """
    content = mission.content
    steps = plan(tools.cluster, mission.place.namespace, content.objects)
    step = next(each for each in steps if each.ref == content.workload)
    live = step.live
    demand_resumed(steps)
    known = known_release(ledger, live)
    complete = live is not None and is_complete(live)
    remarks = []
    if live is not None and not complete:
        remarks.append(f"{content.workload} was not completely rolled out before this deploy")
    if ledger.intent is not None:
        remarks.append(_left_open(ledger, ledger.intent))
    unrehearsed = [str(each.ref) for each in steps if not each.rehearsed]
    if unrehearsed:
        remarks.append(f"not tried beforehand, since a webhook takes no dry run: {', '.join(unrehearsed)}")
    good = known is not None and known.judgement == "good" and known.objects == content.digest
    closed = ledger.intent is None and known is not None and known.number == ledger.current
    unchanged = good and closed and complete and all(each.action == "keep" for each in steps)
    return Prepared(
        steps,
        live,
        complete,
        known,
        serving_now(live, known, content.container) if live else None,
        unchanged,
        content.container,
        tuple(remarks),
    )


def _left_open(ledger: Ledger, intent: Intent) -> str:
    """What an earlier operation left, which this deploy closes; one that gave way left it to us."""
    release = ledger.release(intent.release)
    if intent.step == "superseded" and release is not None:
        return f"the {intent.kind} of {release.label} by {release.build} gave way; this one closes it"
    return f"an earlier {intent.kind} by {intent.build} was left open; this one closes it"


def running_image(tools: Tools, workload: Ref, container: str, repository: str) -> str:
    """The image that runs now, for a deploy without --image; empty where there is none to take.

    It is that of the named container, else of the one container that has the repository.
    """
    live = tools.cluster.get(workload)
    if live is None:
        return ""
    boxes = [str(box.get("image", "")) for box in ((live["spec"]["template"]["spec"]).get("containers") or ())]
    if container:
        return images.of_container(live, container)
    ours = [image for image in boxes if images.same_repository(image, repository)]
    return ours[0] if ours else boxes[0] if len(boxes) == 1 else ""
