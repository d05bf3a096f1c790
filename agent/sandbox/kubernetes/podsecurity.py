"""PodSecurity admission: the levels `restricted` and `baseline`, enforced on pods, in the plugin's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from agent.sandbox.kubernetes.objects import Obj, containers, spec

LABEL = "pod-security.kubernetes.io/enforce"
WARN = "pod-security.kubernetes.io/warn"
_VOLUMES = {
    "name",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def refusal(namespace_labels: Mapping[str, str], pod: Obj) -> str:
    """Why the namespace's enforced level refuses a pod; empty when it does not."""
    complaint = _complaint(namespace_labels, LABEL, spec(pod))
    return f"violates {complaint}" if complaint else ""


def warning(namespace_labels: Mapping[str, str], workload: Obj) -> str:
    """What a client is warned of when it writes a workload whose pods would be refused; empty for nothing.

    Without a level to warn of, the enforced one counts.
    """
    label = WARN if WARN in namespace_labels else LABEL
    complaint = _complaint(namespace_labels, label, spec(spec(workload).get("template") or {}))
    return f"would violate {complaint}" if complaint else ""


def _complaint(namespace_labels: Mapping[str, str], label: str, pod_spec: Obj) -> str:
    level = namespace_labels.get(label, "")
    if level not in {"restricted", "baseline"}:
        return ""
    version = namespace_labels.get(f"{label}-version", "latest")
    complaints = list(_baseline(pod_spec))
    if level == "restricted":
        complaints += _restricted(pod_spec)
    return f'PodSecurity "{level}:{version}": {", ".join(complaints)}' if complaints else ""


def _named(pod: Obj, wrong: Callable[[Obj], bool]) -> str:
    """`container "a"` or `containers "a", "b"` of those that are wrong; empty when none is."""
    names = [f'"{item.get("name", "")}"' for _, item in containers(pod) if wrong(item.get("securityContext") or {})]
    if not names:
        return ""
    return ("container " if len(names) == 1 else "containers ") + ", ".join(names)


def _baseline(pod: Obj) -> Iterator[str]:
    shared = [name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)]
    if shared:
        yield f"host namespaces ({', '.join(f'{name}=true' for name in shared)})"
    paths = [f'"{volume["name"]}"' for volume in pod.get("volumes") or () if "hostPath" in volume]
    if paths:
        yield f"hostPath volumes (volume {', '.join(paths)})"
    if who := _named(pod, lambda context: bool(context.get("privileged"))):
        yield f"privileged ({who} must not set securityContext.privileged=true)"


def _restricted(pod: Obj) -> Iterator[str]:
    if who := _named(pod, lambda context: context.get("allowPrivilegeEscalation") is not False):
        yield f"allowPrivilegeEscalation != false ({who} must set securityContext.allowPrivilegeEscalation=false)"
    if who := _named(pod, lambda context: "ALL" not in ((context.get("capabilities") or {}).get("drop") or ())):
        yield f'unrestricted capabilities ({who} must set securityContext.capabilities.drop=["ALL"])'
    others = [f'"{volume["name"]}"' for volume in pod.get("volumes") or () if set(volume) - _VOLUMES - {"hostPath"}]
    if others:
        yield f"restricted volume types (volumes {', '.join(others)} use restricted volume types)"
    whole = pod.get("securityContext") or {}
    if not whole.get("runAsNonRoot") and (who := _named(pod, lambda context: not context.get("runAsNonRoot"))):
        yield f"runAsNonRoot != true (pod or {who} must set securityContext.runAsNonRoot=true)"
    allowed = {"RuntimeDefault", "Localhost"}
    if (whole.get("seccompProfile") or {}).get("type") not in allowed and (
        who := _named(pod, lambda context: (context.get("seccompProfile") or {}).get("type") not in allowed)
    ):
        yield (
            f"seccompProfile (pod or {who} must set securityContext.seccompProfile.type to "
            '"RuntimeDefault" or "Localhost")'
        )
