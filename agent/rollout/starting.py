"""Rules about containers that never start: images, configuration, mounts, commands (R11, R12, R14, R15)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agent.rollout import texts
from agent.rollout.diagnosis import Code
from agent.rollout.finding import Finding, View, about_pod
from agent.rollout.records import Container, Occurrence, Pod
from agent.rollout.texts import Meaning

_IMAGE_EVENT = texts.any_of(
    r"^Failed to (?:pull|inspect|apply default image tag)",
    r"^Error: (?:ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|ImageInspectError)",
    r"is not present with pull policy of Never",
)
_NEVER_BEGUN = ("", "ContainerCreating", "PodInitializing")


@dataclass(frozen=True, slots=True)
class Word:
    """One thing said about a container: by its status or by an event."""

    reason: str
    message: str
    since: float
    until: float


def starting(view: View) -> list[Finding]:
    """Findings about every new pod whose containers don't start."""
    found: list[Finding] = []
    for pod in view.new:
        if pod.ready:
            continue
        heard = list(view.snapshot.about(pod.uid))
        for container in pod.containers or (_unknown(heard),):
            found += _image(view, pod, container, heard)
            found += _config(view, pod, container, heard)
            found += _command(view, pod, container, heard)
        found += _mounts(view, pod, heard)
    return found


def _unknown(heard: list[Occurrence]) -> Container:
    """Stands in for a container whose status was not heard of yet, although events about it were."""
    its = next((item.container for item in heard if item.container), "")
    return Container(
        name=its, kind="main", image="", ready=False, running=False, begun=False, waiting="", restarts=0,
        terminated=None, last=None, trouble=None, ended_at=None,
    )  # fmt: skip


def _its(container: Container, heard: list[Occurrence]) -> Iterator[Occurrence]:
    """The events about a container; one without a place counts for it if it names its image."""
    for item in heard:
        if item.container == container.name or (
            not item.container and container.image and container.image in item.message
        ):
            yield item


def _image(view: View, pod: Pod, container: Container, heard: list[Occurrence]) -> list[Finding]:
    trouble = container.trouble
    if container.begun or (trouble is not None and trouble.kind != "image"):
        return []  # what fails at a later step has its image
    words = [
        Word(_reason(item), item.message, item.first_at, item.last_at)
        for item in _its(container, heard)
        if item.reason in {"Failed", "InspectFailed", "ErrImageNeverPull"} and _IMAGE_EVENT.search(item.message)
    ]
    pulled = max((item.last_at for item in _its(container, heard) if item.reason == "Pulled"), default=None)
    if pulled is not None and all(word.until <= pulled for word in words):
        return []
    if trouble is not None:
        words.append(Word(trouble.reason, trouble.message, trouble.since, trouble.since))
    if not words:
        return []
    since = min(word.since for word in words)
    telling = sorted((word for word in words if texts.says_why(word.message)), key=lambda word: word.since) or words
    for word in telling:
        if texts.image(word.reason, word.message, container.image) is Meaning.PERMANENT:
            code = Code.INVALID_IMAGE_NAME if texts.is_image_name(word.reason, word.message) else Code.IMAGE_PULL_FAILED
            diagnosis = about_pod(
                pod, code, word.message, since, container=container.name, permanent=True, reason=word.reason
            )
            return [Finding("R11", diagnosis, word.since, pod.uid, local=word.reason == "ErrImageNeverPull")]
    diagnosis = about_pod(
        pod, Code.IMAGE_PULL_FAILED, telling[0].message, since, container=container.name, reason=telling[0].reason
    )
    if any(texts.image(word.reason, word.message, container.image) is Meaning.NOISE for word in telling):
        return [Finding("R27", diagnosis, None, pod.uid, local=True)]
    return [Finding("R12", diagnosis, view.after(since, view.policy.patience.registry), pod.uid, local=True)]


def _reason(item: Occurrence) -> str:
    """The waiting reason that an event stands for."""
    for word in ("InvalidImageName", "ErrImageNeverPull", "ImagePullBackOff"):
        if item.message == f"Error: {word}":
            return word
    return "ErrImageNeverPull" if "pull policy of Never" in item.message else "ErrImagePull"


def _failures(container: Container, heard: list[Occurrence], kind: str) -> list[Word]:
    """What was said about a container that could not be made or started, the status first."""
    words = []
    trouble = container.trouble
    if trouble is not None and trouble.kind == kind:
        words.append(Word(trouble.reason, trouble.message, trouble.since, trouble.since))
    words.extend(
        Word("Failed", item.message.removeprefix("Error: "), item.first_at, item.last_at)
        for item in _its(container, heard)
        if item.reason == "Failed" and item.message.startswith("Error: ") and not _IMAGE_EVENT.search(item.message)
    )
    return words


def _config(view: View, pod: Pod, container: Container, heard: list[Occurrence]) -> list[Finding]:
    if container.begun or (container.trouble is not None and container.trouble.kind == "run"):
        return []
    found = []
    for word in _failures(container, heard, "config"):
        if word.reason == "Failed" and not texts.is_config(word.message):
            continue
        meaning, patience = texts.config(word.message), view.policy.patience.reference
        due = {Meaning.REFERENCE: view.after(word.since, patience), Meaning.PERMANENT: word.since}.get(meaning)
        diagnosis = about_pod(
            pod, Code.CONFIG_ERROR, word.message, word.since, container=container.name,
            permanent=meaning is Meaning.PERMANENT, reason="CreateContainerConfigError",
        )  # fmt: skip
        found.append(Finding("R15", diagnosis, due, pod.uid))
    return found[:1] if not found else [min(found, key=lambda item: item.due if item.due is not None else float("inf"))]


def _command(view: View, pod: Pod, container: Container, heard: list[Occurrence]) -> list[Finding]:
    """A start that failed: at once when the command can't be run, by quorum when it failed again unexplained."""
    if container.running:
        return []
    words = [word for word in _failures(container, heard, "run") if not texts.is_config(word.message)]
    ended = container.exit
    if ended is not None and ended.reason in {"StartError", "ContainerCannotRun"} and ended.message:
        words.append(Word(ended.reason, ended.message, container.ended_at or view.write.at, view.write.at))
    if not words:
        return []
    since = min(word.since for word in words)
    first = min(words, key=lambda word: (texts.run(word.message) is not Meaning.PERMANENT, word.since))
    meaning = texts.run(first.message)
    code = Code.OOM_KILLED if texts.ran_out_of_memory(first.message) else Code.RUN_CONTAINER_ERROR
    diagnosis = about_pod(
        pod, code, first.message, since, container=container.name,
        permanent=meaning is Meaning.PERMANENT, reason=ended.reason if ended else first.reason,
        exit_code=ended.code if ended else None,
    )  # fmt: skip
    if meaning is Meaning.PERMANENT:
        found = [Finding("R14", diagnosis, since, pod.uid)]
        if container.kind == "init":
            found.append(Finding("R14", replace(diagnosis, code=Code.INIT_CONTAINER_FAILED), since, pod.uid))
        return found
    again = meaning is not Meaning.NOISE and view.exits(pod, container) > 1
    return [Finding("R13" if again else "R14", diagnosis, None, pod.uid, local=True, counted=again)]


def _mounts(view: View, pod: Pod, heard: list[Occurrence]) -> list[Finding]:
    """Volumes: the event is all there is, the state says ContainerCreating for ever."""
    if not pod.node or any(item.begun or item.trouble for item in pod.containers):
        return []
    found = []
    for item in heard:
        if item.reason not in {"FailedMount", "FailedAttachVolume", "FailedMapVolume"}:
            continue
        missing = texts.mount(item.message) is Meaning.REFERENCE
        code = Code.CONFIG_ERROR if missing else Code.MOUNT_FAILING
        due = view.after(item.first_at, view.policy.patience.reference) if missing else None
        diagnosis = about_pod(pod, code, item.message, item.first_at, reason=item.reason)
        found.append(Finding("R15" if missing else "R27", diagnosis, due, pod.uid, local=not missing))
    return found
