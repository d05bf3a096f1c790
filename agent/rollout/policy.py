"""How long a rollout may take, and how long what may still mend itself is waited for (contract section 7)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds from the first evidence, or from the last progress if that came later, until it counts as a failure.

    Attributes:
        registry: 5xx, 429, refused, timed out, DNS, TLS: a registry that may come back.
        reference: a ConfigMap, Secret, key, volume or ServiceAccount that somebody may still make.
        quota: a ResourceQuota that is full.
        unschedulable: no node takes the pod, and no autoscaler has said that it makes one.
    """

    registry: float = 60.0
    reference: float = 30.0
    quota: float = 60.0
    unschedulable: float = 60.0


@dataclass(frozen=True, slots=True)
class Policy:
    """What the judge is told by the spec.

    Attributes:
        timeout: seconds from the sending of our write until the verdict is `TimedOut`.
        patience: see Patience.
    """

    timeout: float = 600.0
    patience: Patience = field(default_factory=Patience)


STUCK_AFTER = 10.0
"""Seconds after which a StatefulSet's broken pod of another revision counts as stuck (P49; goal: detect in 10 s)."""

DEADLINE_SLACK = 1.0
"""Seconds by which the server may find a progress deadline passed before we do: its times are whole seconds."""
