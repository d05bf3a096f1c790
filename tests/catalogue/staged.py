"""Faults and transients that can be made on a cluster: what changes, what else happens, and what a right verdict is.

A case is data; staging.py makes it happen on the sandbox (test_staged.py) and on a real cluster (tests/live). Every
case begins with a workload `web` of three pods of `app:v1` that is complete, unless it is `fresh`; `change` is what we
write at 0. The tag of an image is its fate (v1, v3: good; crash, unready, slow, leak ...; any other word: not there).

`evidence` names what must have been heard before the verdict (staging.EVIDENCE), which may then come `patience` later
and at most `within` seconds after that; `by` is the last moment for it, in seconds after the write, on a real cluster.
"""
# ruff: noqa: E501 - a table: one line a case

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from agent.objects import Object
from agent.rollout.policy import Patience, Policy

IMAGE = "localhost:5000/app:"
SHELL = "busybox:1"
POLICY = Policy(timeout=90, patience=Patience(registry=8, reference=6, quota=8, unschedulable=6))
LONGER = Policy(timeout=300)
HERE = ("sandbox",)
OWN = ("sandbox", "own")
"""Not on a cluster that others use: a node is cordoned or filled, or its kubelet, which pulls one image at a time, held up."""
SHORT = Policy(timeout=20)


@dataclass(frozen=True)
class Staged:
    """One case.

    Attributes:
        name: says what is wrong, or seems to be.
        change: merged into the workload when we write; lists of named things by name.
        verdict: the right one.
        code: among the diagnosis; the first one of it where `first`.
        evidence: a name of staging.EVIDENCE.
        patience: seconds from the evidence.
        within: seconds more that it may take.
        by: seconds after the write, at most.
        kind: of the workload.
        base: merged into the workload as it is before.
        around: objects made before the write.
        labels: of the namespace, set before the write.
        steps: (seconds after the write, verb, argument), see staging.Hands.
        before: patches of the workload before the write, each with a pause after it: [(patch, seconds)].
        policy: patience and timeout.
        notes: of a Complete.
        where: `sandbox`, `live` (a real cluster), `own` (one that nobody else uses meanwhile); `http` for what only the sandbox's API server can do, over HTTP.
        quick: part of the normal run over HTTP.
    """

    name: str
    change: Object
    verdict: str = "complete"
    code: str = ""
    evidence: str = "complete"
    patience: float = 0.0
    within: float = 2.0
    by: float = 30.0
    kind: str = "Deployment"
    base: Object = field(default_factory=dict)
    around: tuple[Object, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    steps: tuple[tuple[float, str, Any], ...] = ()
    before: tuple[tuple[Object, float], ...] = ()
    policy: Policy = POLICY
    notes: tuple[str, ...] = ()
    fresh: bool = False
    where: tuple[str, ...] = ("sandbox", "live")
    quick: bool = False


def merge(base: Any, change: Any) -> Any:
    """A deep merge; lists of named things by name, other lists replaced."""
    if isinstance(base, dict) and isinstance(change, dict):
        if change.get("$patch") == "replace":
            return {key: value for key, value in change.items() if key != "$patch"}
        return base | {key: merge(base[key], value) if key in base else value for key, value in change.items()}
    if isinstance(base, list) and isinstance(change, list) and all(isinstance(item, dict) for item in [*base, *change]):
        if not all("name" in item for item in [*base, *change]):
            return change
        named = {item["name"]: item for item in base}
        for item in change:
            named[item["name"]] = merge(named.get(item["name"], {}), item)
        return list(named.values())
    return change


def workload(kind: str, base: Object) -> Object:
    """The workload before the write."""
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    small = {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}}
    app = {"name": "app", "image": IMAGE + "v1", "readinessProbe": probe, "resources": small}
    pods: Object = {"containers": [app], "terminationGracePeriodSeconds": 3}
    template: Object = {"metadata": {"labels": {"app": "web"}}, "spec": pods}
    spec: Object = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    if kind == "Job":
        del spec["selector"], app["readinessProbe"]
        pods["restartPolicy"] = "Never"
        spec["backoffLimit"] = 0
    elif kind != "DaemonSet":
        spec["replicas"] = 3
    if kind == "StatefulSet":
        spec["serviceName"] = "web"
    version = "batch/v1" if kind == "Job" else "apps/v1"
    thing = {"apiVersion": version, "kind": kind, "metadata": {"name": "web", "labels": {"app": "web"}}, "spec": spec}
    return dict(merge(copy.deepcopy(thing), base))


def image(tag: str) -> Object:
    return container(image=tag if "/" in tag else IMAGE + tag)


def container(name: str = "app", **fields: Any) -> Object:
    return {"spec": {"template": {"spec": {"containers": [{"name": name} | fields]}}}}


def pod(**fields: Any) -> Object:
    return {"spec": {"template": {"spec": fields}}}


def init(name: str = "init", **fields: Any) -> Object:
    return pod(initContainers=[{"name": name, "image": SHELL} | fields])


def shell(text: str) -> Object:
    return {"image": SHELL, "command": ["sh", "-c", text]}


def thing(kind: str, name: str, version: str = "v1", **fields: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}


def quota(**hard: str) -> Object:
    return thing("ResourceQuota", "q", spec={"hard": {key.replace("_", "."): value for key, value in hard.items()}})


def both(*parts: Object) -> Object:
    whole: Any = {}
    for part in parts:
        whole = merge(whole, part)
    return dict(whole)


def neighbour(tag: str) -> Object:
    other = workload("Deployment", image(tag))
    other["metadata"] = {"name": "neighbour", "labels": {"app": "neighbour"}}
    other["spec"]["selector"]["matchLabels"] = {"app": "neighbour"}
    other["spec"]["template"]["metadata"]["labels"] = {"app": "neighbour"}
    return other


V3 = image("v3")
FOREVER = "while true; do sleep 1; done"
SURGE_ONLY = {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}}
RECREATE = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
LIMITS = thing("LimitRange", "l", spec={"limits": [{"type": "Container", "max": {"memory": "128Mi"}}]})
NO_PROBE: Object = {"readinessProbe": {"$patch": "replace", "exec": {"command": ["true"]}, "periodSeconds": 1}}
HEALTH: Object = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
CLAIM = thing("PersistentVolumeClaim", "data", spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "none",
                                                      "resources": {"requests": {"storage": "1Gi"}}})  # fmt: skip
ON_CLAIM = pod(volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}])
SECRET = pod(volumes=[{"name": "s", "secret": {"secretName": "late"}}])
MOUNTED = both(container(volumeMounts=[{"name": "s", "mountPath": "/s"}]), SECRET)
FROM_MAP = container(env=[{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "k"}}}])
FROM_ENV = container(envFrom=[{"configMapRef": {"name": "late"}}])
SET = "StatefulSet"
DAEMON = "DaemonSet"
NO_IMAGE = "image-pull-failed"
RESTART = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
ONCE = "if [ -e /s/been ]; then trap 'exit 0' TERM; while true; do sleep 1; done; fi; touch /s/been; echo no database; exit 3"
SCRATCH = pod(volumes=[{"name": "s", "emptyDir": {}}])
AT_S: Object = {"volumeMounts": [{"name": "s", "mountPath": "/s"}]}


def with_defaults(more: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    return defaults | more


def crash(name: str, change: Object, **more: Any) -> Staged:
    """Something exits again and again."""
    code, seen = more.pop("code", "crash-loop"), more.pop("evidence", "exits")
    return Staged(name, change, "failed", code, seen, **with_defaults(more, by=15.0))


def missing(name: str, change: Object, **more: Any) -> Staged:
    """An image that does not come."""
    return Staged(name, change, "failed", more.pop("code", NO_IMAGE), "pull", **with_defaults(more, by=8.0))


def refused(name: str, change: Object, **more: Any) -> Staged:
    """The cluster takes no such pod."""
    return Staged(
        name, change, "failed", more.pop("code", "admission-denied"), "refused", **with_defaults(more, by=6.0)
    )


def lacking(name: str, change: Object, **more: Any) -> Staged:
    """A reference that leads nowhere."""
    return Staged(
        name, change, "failed", more.pop("code", "config-error"), "config", **with_defaults(more, by=20.0, patience=6.0)
    )


def homeless(name: str, change: Object, **more: Any) -> Staged:
    """No node takes the pods."""
    code = more.pop("code", "unschedulable")
    return Staged(name, change, "failed", code, "unscheduled", **with_defaults(more, by=20.0, patience=6.0))


def late(name: str, change: Object, code: str = "", **more: Any) -> Staged:
    """Nothing ends it but the timeout."""
    return Staged(name, change, "timed-out", code, "", **with_defaults(more, by=22.0, policy=SHORT))


def others(
    name: str, change: Object, verdict: str, evidence: str, *steps: tuple[float, str, Any], **more: Any
) -> Staged:
    """Somebody else has a hand in it."""
    return Staged(name, change, verdict, "", evidence, steps=steps, by=8.0, **more)


FAULTS = (
    missing("a tag that is not there", image("nope"), quick=True),
    missing("a digest that is not there", image("localhost:5000/app@sha256:" + "0" * 64)),
    missing("the registry answers 401", image("localhost:5000/deny/app:v1")),
    missing("an image name that can't be one", image("localhost:5000/App:Bad Tag"), code="invalid-image-name"),
    missing("pull policy Never, not on the node", both(image("nope"), container(imagePullPolicy="Never"))),
    missing("the registry answers 500 for good", image("localhost:5000/err/app:v1"), patience=8.0, by=25.0, quick=True),
    missing("a registry whose name does not resolve", image("registry.invalid/x/y:v9"), patience=8.0, by=25.0),
    missing("the init container's image is not there", init(image=IMAGE + "nope")),
    missing("the second container's image is not there", container("second", image=IMAGE + "nope")),
    missing("a StatefulSet's image is not there", image("nope"), kind=SET),
    missing("a DaemonSet's image is not there", image("nope"), kind=DAEMON),
    missing("a first deploy, the tag is not there", {}, base=image("nope"), fresh=True),
    missing("Recreate, the tag is not there: an outage", image("nope"), base=RECREATE, by=15.0),
    missing("two causes at once: no image, and no ConfigMap", both(image("nope"), container("second", image=IMAGE + "v3", env=FROM_MAP["spec"]["template"]["spec"]["containers"][0]["env"]))),
    crash("exits 1 at once", image("crash"), quick=True),
    crash("the second container exits 1", container("second", image=IMAGE + "crash")),
    crash("ends with 0 again and again", container(**shell("exit 0"))),
    crash("more memory than its limit", image("leak"), code="oom-killed"),
    crash("the init container exits 1", init(**shell("exit 1")), code="init-container-failed"),
    crash("a sidecar exits 1", init("sidecar", image=IMAGE + "crash", restartPolicy="Always")),
    crash("a StatefulSet's pod exits 1", image("crash"), kind=SET, quick=True),
    crash("a Parallel StatefulSet's pods exit 1", image("crash"), kind=SET, base={"spec": {"podManagementPolicy": "Parallel"}}),
    crash("a DaemonSet's pod exits 1", image("crash"), kind=DAEMON),
    crash("a first deploy exits 1", {}, base=image("crash"), fresh=True),
    crash("Recreate, exits 1", image("crash"), base=RECREATE, by=20.0),
    crash("ten replicas, exits 1", image("crash"), base={"spec": {"replicas": 10}}, by=20.0),
    crash("liveness kills it before it is ready", container(image=IMAGE + "slow", livenessProbe=HEALTH | {"failureThreshold": 2}), code="probe-failing", evidence="killed", by=25.0),
    crash("ready at first, exits within minReadySeconds", container(**shell("sleep 3; exit 4"), **NO_PROBE), base={"spec": {"minReadySeconds": 15}}, by=25.0),
    Staged("a command that the image lacks", container(command=["/nope"]), "failed", "run-container-error", "start", by=8.0, quick=True),
    lacking("a ConfigMap that is not there", FROM_MAP),
    lacking("a key that the ConfigMap lacks", FROM_MAP, around=(thing("ConfigMap", "late", data={"other": "x"}),)),
    lacking("a Secret volume that is not there", MOUNTED),
    lacking("runAsNonRoot, and an image that runs as root", container(securityContext={"runAsNonRoot": True, "runAsUser": 0}), patience=0.0, by=8.0),
    refused("a ServiceAccount that is not there", pod(serviceAccountName="ghost"), patience=6.0, by=14.0),
    refused("a PriorityClass that is not there", pod(priorityClassName="ghost"), patience=6.0, by=14.0),
    refused("a limit above the LimitRange", container(resources={"limits": {"memory": "1Gi"}}), around=(LIMITS,)),
    refused("the namespace allows restricted pods only", V3, labels=RESTRICTED, quick=True),
    refused("a StatefulSet's pods are not restricted", V3, kind=SET, labels=RESTRICTED),
    refused("a DaemonSet's pods are not restricted", V3, kind=DAEMON, labels=RESTRICTED),
    refused("a quota that wants limits", V3, around=(quota(limits_cpu="4"),)),
    refused("a full quota", V3, base=SURGE_ONLY, around=(quota(pods="3"),), code="quota-exceeded", patience=8.0, by=25.0, quick=True),
    homeless("no node is large enough", container(resources={"requests": {"cpu": "100"}})),
    homeless("no node has this label", pod(nodeSelector={"disk": "ssd"})),
    homeless("the claim is not there", ON_CLAIM, code="config-error"),
    homeless("the claim has no storage class that exists", ON_CLAIM, around=(CLAIM,), within=16.0, by=30.0),
    homeless("the only node is cordoned", V3, steps=((0.0, "cordon", True),), where=OWN),
    Staged("never ready, until the Deployment's deadline", image("unready"), "failed", "progress-deadline-exceeded", "deadline", base={"spec": {"progressDeadlineSeconds": 8}}, by=15.0, quick=True),
    late("never ready, until the timeout", image("unready"), "probe-failing"),
    late("a startup probe that kills it again and again", container(image=IMAGE + "slow", startupProbe=HEALTH | {"failureThreshold": 3}), "probe-failing"),
    late("a quota that lets one pod go after the other, ever more slowly", V3, "quota-exceeded", base={"spec": {"replicas": 4}}, around=(quota(pods="4"),), policy=Policy(timeout=60), by=62.0, where=OWN),
    late("an init container that never ends", init(**shell(FOREVER)), "init-container-running"),
    late("a paused Deployment", both(V3, {"spec": {"paused": True}}), "paused"),
    late("a registry that never answers", image("localhost:5000/hang/app:v1"), where=OWN),
    Staged("a Job that fails", {}, "failed", "job-failed", "job", kind="Job", base=image("crash"), fresh=True, by=15.0),
    missing("a Job whose image is not there", {}, kind="Job", base=image("nope"), fresh=True),
    Staged("a StatefulSet stuck on a broken pod after the template was put back", image("v1"), "failed", "statefulset-stuck", "", kind=SET, before=((image("nope"), 10.0),), by=16.0),
    others("somebody else sets another image", image("slow"), "superseded", "generation", (2.0, "patch", V3), quick=True),
    others("somebody else restarts it", image("slow"), "superseded", "generation", (2.0, "patch", RESTART)),
    others("somebody else pauses it", image("slow"), "superseded", "generation", (2.0, "patch", {"spec": {"paused": True}})),
    others("somebody deletes it", image("slow"), "gone", "gone", (2.0, "remove", None), quick=True),
    others("somebody deletes it and makes it anew", image("slow"), "gone", "gone", (2.0, "remove", None), (3.0, "make", workload("Deployment", V3))),
)  # fmt: skip

TRANSIENTS = (
    Staged("a good rollout", V3, quick=True),
    Staged("a slow start", image("slow"), by=90.0, policy=LONGER),
    Staged("a registry that takes 30 s", image("localhost:5000/slow/app:v3"), by=60.0, where=OWN),
    Staged("old pods that need 20 s to stop", V3, base=both(image("slowstop"), pod(terminationGracePeriodSeconds=25))),
    Staged("a ServiceAccount that comes 3 s late", pod(serviceAccountName="late"), steps=((3.0, "make", thing("ServiceAccount", "late")),), policy=LONGER, quick=True),
    Staged("a StatefulSet's ServiceAccount that comes 3 s late", pod(serviceAccountName="late"), kind=SET, steps=((3.0, "make", thing("ServiceAccount", "late")),), policy=LONGER, by=60.0),
    Staged("a ConfigMap that comes 3 s late", FROM_ENV, steps=((3.0, "make", thing("ConfigMap", "late", data={"K": "v"})),), policy=LONGER, by=75.0, quick=True),
    Staged("a Secret volume that comes 3 s late", MOUNTED, steps=((3.0, "make", thing("Secret", "late", stringData={"k": "v"})),), policy=LONGER, by=75.0),
    Staged("a quota that is raised after 4 s", V3, base=SURGE_ONLY, around=(quota(pods="3"),), steps=((4.0, "change", ("ResourceQuota", "q", {"spec": {"hard": {"pods": "9"}}})),), policy=LONGER, by=75.0),
    Staged("a claim that is bound after 4 s", ON_CLAIM, around=(CLAIM,), steps=((4.0, "bind", "data"),), where=HERE),
    Staged("the only node is cordoned for 4 s", V3, steps=((0.0, "cordon", True), (4.0, "cordon", False)), where=OWN),
    Staged("a new pod is deleted", V3, steps=((0.6, "lose", None),), quick=True),
    Staged("a new pod is evicted", V3, steps=((0.6, "evict", None),)),
    Staged("somebody scales it up", V3, steps=((0.5, "patch", {"spec": {"replicas": 5}}),), quick=True),
    Staged("somebody scales it down", V3, steps=((0.5, "patch", {"spec": {"replicas": 1}}),)),
    Staged("somebody labels it", V3, steps=((0.5, "patch", {"metadata": {"labels": {"who": "else"}}}),)),
    Staged("a sidecar ends with 3 once", both(SCRATCH, init("sidecar", restartPolicy="Always", **shell(ONCE), **AT_S)), where=("live",)),
    Staged("each pod ends with 3 once", both(SCRATCH, container(**shell(ONCE), **AT_S, **NO_PROBE)), by=45.0, where=("live",)),
    Staged("an init container that works for 6 s", init(**shell("sleep 6")), by=60.0),
    Staged("a sidecar that is well", init("sidecar", image=IMAGE + "v3", restartPolicy="Always", env=[{"name": "PORT", "value": "9090"}]), quick=True),
    Staged("a second container that is well", container("second", image=IMAGE + "v3", env=[{"name": "PORT", "value": "9090"}])),
    Staged("a startup probe that waits for a slow start", container(image=IMAGE + "slow", startupProbe=HEALTH | {"failureThreshold": 40}), by=90.0, policy=LONGER),
    Staged("minReadySeconds", V3, base={"spec": {"minReadySeconds": 3}}, by=40.0),
    Staged("Recreate", V3, base=RECREATE),
    Staged("ten replicas, half of them may be away", V3, base={"spec": {"replicas": 10, "strategy": {"rollingUpdate": {"maxUnavailable": "50%"}}}}),
    Staged("thirty replicas", V3, base={"spec": {"replicas": 30, "strategy": {"rollingUpdate": {"maxSurge": "50%"}}}}, by=60.0, where=OWN),
    Staged("a StatefulSet", V3, kind=SET, quick=True),
    Staged("a StatefulSet with a partition", V3, kind=SET, base={"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}}, notes=("partial",)),
    Staged("a StatefulSet under OnDelete", V3, kind=SET, base={"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}}, notes=("manual",)),
    Staged("a DaemonSet", V3, kind=DAEMON, quick=True),
    Staged("nothing wanted", both(V3, {"spec": {"replicas": 0}}), notes=("zero",)),
    Staged("only an annotation of the workload", {"metadata": {"annotations": {"note": "x"}}}),
    Staged("a first deploy", {}, fresh=True),
    Staged("a Job", {}, kind="Job", base=container(**shell("echo migrated")), fresh=True),
    Staged("a Job whose first try fails", {}, kind="Job", base=both(SCRATCH, container(**shell("[ -e /s/been ] || { touch /s/been; exit 1; }"), **AT_S), pod(restartPolicy="OnFailure"), {"spec": {"backoffLimit": 4}}), fresh=True, where=("live",)),
    Staged("a neighbour crashes", V3, around=(neighbour("crash"),)),
    Staged("a neighbour has no image", V3, steps=((0.0, "make", neighbour("nope")),)),
    Staged("the API server is away for 10 s", image("slow"), steps=((1.0, "away", 10.0),), by=90.0, where=("http",), quick=True),
    Staged("the API server answers 500 for 10 s", image("slow"), steps=((1.0, "trouble", ("error", 10.0)),), by=90.0, where=("http",)),
    Staged("the API server throttles for 10 s", image("slow"), steps=((1.0, "trouble", ("throttle", 10.0)),), by=90.0, where=("http",)),
    Staged("every watch is cut", V3, steps=((0.3, "trouble", ("cut", 2.0)),), where=("http",), quick=True),
    Staged("the history is compacted and every watch cut", V3, steps=((0.3, "compact", None),), where=("http",), quick=True),
)  # fmt: skip

EVERY = FAULTS + TRANSIENTS
