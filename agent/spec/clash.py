"""Two specs that would write the same thing: one Jenkins job, or one workload of one cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.spec.defaults import Stack
from agent.spec.model import ServiceSpec
from agent.spec.nodes import Path
from agent.spec.problem import Problem


@dataclass(frozen=True, slots=True)
class _Claim:
    """What one spec says is its own."""

    key: tuple[str, ...]
    words: str
    path: Path


def clashes(specs: Iterable[tuple[str, ServiceSpec, Stack]]) -> list[tuple[str, Problem]]:
    """A problem at both places for each pair, with the file that it is about.

    Args:
        specs: the file, the spec and its layers.
    """
    seen: dict[tuple[str, ...], tuple[str, _Claim, Stack]] = {}
    found: list[tuple[str, Problem]] = []
    for file, spec, layers in specs:
        for claim in _claims(spec):
            other_file, other, other_layers = seen.setdefault(claim.key, (file, claim, layers))
            if other_file == file:
                continue
            found.append((file, _problem(claim, layers, other, other_layers)))
            found.append((other_file, _problem(other, other_layers, claim, layers)))
    return found


def _claims(spec: ServiceSpec) -> Iterator[_Claim]:
    # Jenkins compares names without case on the file systems that do, so two that differ only in case are one.
    yield _Claim(("job", spec.job.lower()), f"the job '{spec.job}'", ("pipeline", "job"))
    for index, one in enumerate(spec.environments):
        workload = spec.workload(one)
        for cluster in one.where:
            # Without a context the cluster is whatever that environment's kubeconfig says.
            where = cluster.context or (f"credentials {cluster.credentials}" if cluster.credentials else "")
            key = ("workload", where or f"environment {one.name}", one.namespace, workload)
            words = f"the workload '{workload}' of environment '{one.name}'"
            yield _Claim(key, words, ("environments", index, "name"))


def _problem(claim: _Claim, layers: Stack, other: _Claim, other_layers: Stack) -> Problem:
    there = _place(other, other_layers)
    path = claim.path if layers.origin(claim.path) else ("service",)
    own = layers.layers[layers.own].document
    if (origin := layers.origin(path)) and origin[0].document is not own:
        path = ("service",)
    return layers.problem(path, f"{claim.words} is also that of {there}", "give one of them another name")


def _place(claim: _Claim, layers: Stack) -> str:
    own = layers.layers[layers.own].document
    origin = layers.origin(claim.path)
    path = origin[1] if origin and origin[0].document is own else ("service",)
    place = own.place(path)
    return f"{own.file}:{place.line}:{place.column}"
