"""PersistentVolumeClaims, bound as a dynamic provisioner would, and the status of ResourceQuotas."""

from __future__ import annotations

from agent.sandbox.kubernetes import quantity
from agent.sandbox.kubernetes.controllers.base import Controller
from agent.sandbox.kubernetes.objects import Key, key_of, meta, spec, status
from agent.sandbox.kubernetes.store import Change

_RESYNC = 15.0
"""Seconds after which the real controller looks at an unbound claim again, and says again what it lacks."""


class Claims(Controller):
    """Binds every claim to a volume of its own; a claim of the storage class `none` waits until it has another one."""

    kind = "PersistentVolumeClaim"
    delay = 0.3

    def sync(self, key: Key) -> None:
        """Makes the volume."""
        claim = self.store.get(self.kind, key)
        if claim is None or status(claim).get("phase") == "Bound":
            return
        if spec(claim).get("storageClassName") == "none":
            text = 'storageclass.storage.k8s.io "none" not found'
            self.recorder.event(claim, "Warning", "ProvisioningFailed", text, source="persistentvolume-controller")
            self.enqueue(key, after=_RESYNC)
            return
        name = f"pvc-{meta(claim)['uid']}"
        size = (spec(claim).get("resources") or {}).get("requests") or {"storage": "1Gi"}
        modes = spec(claim).get("accessModes") or ["ReadWriteOnce"]
        reference = {"kind": "PersistentVolumeClaim", "namespace": key[0], "name": key[1], "uid": meta(claim)["uid"]}
        if self.store.get("PersistentVolume", ("", name)) is None:
            volume = {
                "capacity": size,
                "accessModes": modes,
                "claimRef": reference,
                "persistentVolumeReclaimPolicy": "Delete",
            }
            self.writes.create(
                {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume}
            )
            self.writes.change("PersistentVolume", ("", name), status={"phase": "Bound"})
        bound = {"phase": "Bound", "accessModes": modes, "capacity": size}
        self.writes.change(self.kind, key, spec=spec(claim) | {"volumeName": name})
        self.writes.change(self.kind, key, status=bound)


class Quotas(Controller):
    """Says in a quota's status what is used of it."""

    kind = "ResourceQuota"
    delay = 0.05

    def heard(self, change: Change) -> None:
        """Quotas, and whatever counts for one."""
        if change.kind == self.kind:
            self.enqueue(key_of(change.object))
        elif change.kind in {"Pod", "Service", "ConfigMap", "Secret", "PersistentVolumeClaim"}:
            for quota in self.store.listed(self.kind, key_of(change.object)[0]):
                self.enqueue(key_of(quota))

    def sync(self, key: Key) -> None:
        """Counts."""
        quota = self.store.get(self.kind, key)
        if quota is None:
            return
        hard = spec(quota).get("hard") or {}
        used = self.writes.admission.used(key[0], list(hard))
        shown = {name: quantity.show(value, str(hard[name])) for name, value in used.items()}
        document = {"hard": hard, "used": shown}
        if document != status(quota):
            self.writes.change(self.kind, key, status=document)
