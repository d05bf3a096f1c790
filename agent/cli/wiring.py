"""Flags and environment to specs, adapters and missions: the composition root, where all parts meet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from agent.errors import UsageError

if TYPE_CHECKING:
    from agent.objects import Object, Ref
    from agent.operations.mission import LockRules, Place, Tools, UndoRules
    from agent.ports import Cluster, Registry
    from agent.release.content import Content
    from agent.release.manifests import ManifestFile
    from agent.reports.events import Emit
    from agent.rollout.policy import Policy
    from agent.smoke.check import SmokeCheck
    from agent.spec.load import LoadedSpec
    from agent.spec.model import EnvironmentSpec

LARGEST = 8 * 1024 * 1024
"""Bytes of a manifest file; more is a mistake."""


class Aim(Protocol):
    """What a command line aims at: a spec's environment, or a workload that was named."""

    @property
    def contexts(self) -> tuple[str, ...]:
        """Of the kubeconfig, in order; an empty one is the current."""

    @property
    def folder(self) -> Path:
        """Where commands of smoke checks run."""


@dataclass(frozen=True)
class Chosen:
    """A spec and the environment that was named."""

    loaded: LoadedSpec
    environment: EnvironmentSpec

    @property
    def contexts(self) -> tuple[str, ...]:
        """Of the environment's clusters, in their order."""
        return tuple(each.context for each in self.environment.clusters)

    @property
    def folder(self) -> Path:
        """Where commands of the spec run."""
        return self.loaded.folder

    @property
    def checks(self) -> tuple[SmokeCheck, ...]:
        """The environment's smoke checks."""
        from agent.smoke.check import from_spec

        return tuple(from_spec(each) for each in self.environment.smoke)

    @property
    def policy(self) -> Policy:
        """How rollouts are judged."""
        from agent.rollout.policy import Patience, Policy

        wanted = self.environment.deploy.patience
        patience = Patience(wanted.registry, wanted.reference, wanted.quota, wanted.unschedulable)
        return Policy(self.environment.deploy.timeout, patience)

    @property
    def rules(self) -> UndoRules:
        """When and how a deploy is taken back."""
        from agent.operations.mission import UndoRules

        wanted = self.environment.deploy.undo
        return UndoRules(
            when=frozenset(wanted.when),
            on_abort=wanted.on_abort,
            first=wanted.first,
            then=wanted.then,
            free_stuck=wanted.stuck_pods == "delete",
            one_way=wanted.database_migrations == "one-way",
        )

    @property
    def repository(self) -> str:
        """What is replaced wherever it stands."""
        return str(self.loaded.spec.image.repository)

    def files(self) -> tuple[ManifestFile, ...]:
        """The manifests, read.

        Raises:
            UsageError: one can't be.
        """
        from agent.release.manifests import ManifestFile

        return tuple(ManifestFile(_shown(path), _text(path)) for path in self.loaded.manifests(self.environment.name))

    def content(self, namespace: str, image: str, version: str) -> Content:
        """The release that an image makes in a namespace."""
        from agent.release import content

        wanted, spec = self.environment, self.loaded.spec
        if wanted.run is not None:
            return content.from_run(
                wanted.run,
                service=spec.service,
                namespace=namespace,
                workload=wanted.workload,
                container=wanted.deploy.container,
                image=image,
                version=version,
            )
        return content.from_manifests(
            self.files(),
            namespace=namespace,
            workload=wanted.workload,
            container=wanted.deploy.container,
            repository=self.repository,
            image=image,
            version=version,
        )

    def before(self, content: Content) -> tuple[Object, ...]:
        """The Jobs of `deploy.before`, in its order, with the image in place.

        Raises:
            UsageError: a file can't be read, or holds something else.
        """
        from agent.release import beforehand
        from agent.release.manifests import ManifestFile
        from agent.spec.deploying import BeforeCommand
        from agent.spec.files import matching

        namespace = content.workload.namespace
        jobs: list[Object] = []
        for place, each in enumerate(self.environment.deploy.before, 1):
            if isinstance(each, BeforeCommand):
                jobs.append(beforehand.from_command(each.run, place, content.followed, content.container))
                continue
            files = [ManifestFile(_shown(path), _text(path)) for path in matching(self.loaded.folder, each)]
            if not files:
                raise UsageError(f"nothing was changed: deploy.before names {each}, and there is no such file")
            jobs += beforehand.from_manifests(files, namespace, self.repository, content.image)
        return tuple(jobs)

    def workload(self, namespace: str) -> Ref:
        """The workload that is followed: its kind stands in the manifests."""
        from agent.objects import Ref, ref
        from agent.release import manifests

        if self.environment.run is not None:
            return Ref("apps/v1", "Deployment", namespace, self.environment.workload)
        return ref(manifests.named(manifests.read(self.files(), namespace), self.environment.workload))

    def place(self, cluster: Cluster) -> Place:
        """Where it runs in a cluster."""
        from agent.operations.mission import Place

        namespace = self.environment.namespace or cluster.namespace
        container = self.environment.deploy.container
        if not container and self.environment.run is not None:
            container = self.loaded.spec.service
        return Place(
            service=self.loaded.spec.service,
            environment=self.environment.name,
            namespace=namespace,
            workload=self.workload(namespace),
            container=container,
            url=str(self.environment.url or ""),
        )


def choose(spec: str, environment: str) -> Chosen:
    """The spec and the environment that a command line names.

    Raises:
        UsageError: the spec is wrong, or has no such environment.
    """
    from agent.spec.load import demand_one

    loaded = demand_one(spec)
    return Chosen(loaded, loaded.spec.for_environment(environment))


def clusters(chosen: Aim, context: str, emit: Emit) -> list[Tools]:
    """The tools for each cluster of the environment, in its order; nothing is sent yet.

    All of them at once: a context that is unknown is found out before anything is done to another cluster.

    Args:
        chosen: the spec and environment.
        context: `--context`: this cluster only; empty: those of the spec.
        emit: where events go.
    """
    return [tools(each, emit, folder=chosen.folder) for each in ([context] if context else chosen.contexts)]


def tools(context: str, emit: Emit, *, folder: Path) -> Tools:
    """The doors to the outside, for one cluster.

    Args:
        context: of the kubeconfig; empty: the current one.
        emit: where events go.
        folder: where commands of the spec run.
    """
    from agent.adapters.build import of_process
    from agent.adapters.clock import SystemClock
    from agent.adapters.kubernetes import connect
    from agent.adapters.probe import SystemProber
    from agent.operations.mission import Builder, Tools

    clock = SystemClock()
    build = of_process()
    return Tools(
        connect(context or None, clock=clock), SystemProber(folder), clock, emit, Builder(build.id, build.commit)
    )


def registry() -> Registry:
    """The door to image registries."""
    from agent.adapters.registry import DockerRegistry

    return DockerRegistry()


def lock_rules(wait: float, length: float, policy: str = "wait") -> LockRules:
    """How a lock is taken by this process.

    Args:
        wait: seconds to wait for another operation.
        length: seconds without a renewal after which a lease has lapsed.
        policy: `wait`, `refuse` (don't) or `supersede` (ask an older build's deploy to give way, then wait).
    """
    from agent.adapters import process
    from agent.operations.mission import LockRules

    wait = 0.0 if policy == "refuse" else wait
    return LockRules(
        wait, length, process.own(), process.known_dead, process.heartbeat, supersede=policy == "supersede"
    )


def _shown(path: Path) -> str:
    """The path as a person would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _text(path: Path) -> str:
    shown = _shown(path)
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{shown} was not read: it is larger than {LARGEST // 1024 // 1024} MiB")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise UsageError(f"{shown} is not text in UTF-8; nothing was sent anywhere") from problem
    except OSError as problem:
        raise UsageError(
            f"{shown} could not be read: {problem.strerror or problem}; nothing was sent anywhere"
        ) from problem
