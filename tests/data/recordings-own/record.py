#!/usr/bin/env python3
"""Records more rollouts of a real cluster: situations that are not among the forty of tests/data/recordings.

usage: record.py PATH/TO/record.py [SCENARIO...]      (the stand-in cluster must be up; no name: all of them)

The machinery and the form are those of the script whose path is given. `known_by` of a failure is read from the recording
itself, by the few lines below that share no code with the judge: the moment its evidence came, plus the default patience.
"""
# ruff: noqa: E501 - a table: one line a case

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("machinery", sys.argv[1])
assert spec is not None
assert spec.loader is not None
machinery: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(machinery)
image, container, pod, merge = machinery.image, machinery.container, machinery.pod, machinery.merge
COMPLETE, PROGRESSING, APPS, CORE = machinery.COMPLETE, machinery.PROGRESSING, machinery.APPS, machinery.CORE
APP = machinery.IMAGE
BUSYBOX = "busybox:1"
DIGEST = "0" * 64


def failed(code: str) -> dict[str, Any]:
    return {"verdict": "failed", "code": code}


def second(**fields: Any) -> dict[str, Any]:
    """A second container beside the app."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "second", **fields}]}}}}


def init(**fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = pod(initContainers=[{"name": "init", "image": BUSYBOX} | fields])
    return made


def new_pods(cluster: Any, namespace: str, marker: str) -> list[str]:
    items = cluster.call("GET", CORE.format(namespace) + "pods")["items"]
    return [item["metadata"]["name"] for item in items if marker in json.dumps(item["spec"])]


def lose_a_pod(cluster: Any, namespace: str) -> None:
    for _ in range(50):
        if names := new_pods(cluster, namespace, "app:v3"):
            cluster.call("DELETE", CORE.format(namespace) + f"pods/{names[0]}")
            return
        time.sleep(0.05)


def evict_a_pod(cluster: Any, namespace: str) -> None:
    for _ in range(50):
        if names := new_pods(cluster, namespace, "app:v3"):
            body = {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": names[0], "namespace": namespace},
            }
            cluster.call("POST", CORE.format(namespace) + f"pods/{names[0]}/eviction", body)
            return
        time.sleep(0.05)


def raise_the_quota(cluster: Any, namespace: str) -> None:
    path = CORE.format(namespace) + "resourcequotas/q"
    cluster.call("PATCH", path, {"spec": {"hard": {"pods": "10"}}}, "application/merge-patch+json")


def delete_it(cluster: Any, namespace: str) -> None:
    cluster.call("DELETE", APPS.format(namespace) + "deployments/web")


def delete_and_make_anew(cluster: Any, namespace: str) -> None:
    delete_it(cluster, namespace)
    time.sleep(1)
    cluster.create(namespace, machinery.workload(container={"image": APP + "v4"}))


def crashing_neighbour(cluster: Any, namespace: str) -> None:
    other = machinery.workload(container={"image": APP + "crash"})
    other["metadata"]["name"] = "neighbour"
    other["spec"]["selector"]["matchLabels"] = {"app": "neighbour"}
    other["spec"]["template"]["metadata"]["labels"] = {"app": "neighbour"}
    cluster.create(namespace, other)


HOOK = "/apis/admissionregistration.k8s.io/v1/"


def _only(namespace: str) -> dict[str, Any]:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}


PODS: list[dict[str, Any]] = [
    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
]


def policy_of_admission(cluster: Any, namespace: str) -> None:
    """A ValidatingAdmissionPolicy that takes no pod of app:v3 in this namespace."""
    about = {"apiVersion": HOOK[6:-1], "metadata": {"name": namespace}}
    rule = {
        "expression": "!object.spec.containers.exists(c, c.image.endsWith(':v3'))",
        "message": "v3 is not signed",
    }
    bound = {
        "policyName": namespace,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": _only(namespace)},
    }
    policy = {"matchConstraints": {"resourceRules": PODS}, "validations": [rule]}
    cluster.call(
        "POST", HOOK + "validatingadmissionpolicies", about | {"kind": "ValidatingAdmissionPolicy", "spec": policy}
    )
    binding = about | {"kind": "ValidatingAdmissionPolicyBinding", "spec": bound}
    cluster.call("POST", HOOK + "validatingadmissionpolicybindings", binding)
    time.sleep(8)  # until the API server has compiled it


def webhook_that_is_away(cluster: Any, namespace: str) -> None:
    """An admission webhook of pods whose service does not exist."""
    hook = {
        "name": "pods.example.com",
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 2,
        "clientConfig": {"service": {"name": "none", "namespace": namespace, "path": "/"}},
        "rules": PODS,
        "namespaceSelector": _only(namespace),
    }
    about = {"apiVersion": HOOK[6:-1], "kind": "ValidatingWebhookConfiguration", "metadata": {"name": namespace}}
    cluster.call("POST", HOOK + "validatingwebhookconfigurations", about | {"webhooks": [hook]})
    time.sleep(3)


def remove_webhook(cluster: Any, namespace: str) -> None:
    cluster.call("DELETE", HOOK + f"validatingwebhookconfigurations/{namespace}")


def undo_by_hand(cluster: Any, namespace: str) -> None:
    """What `kubectl rollout undo` sends: the first ReplicaSet's template."""
    items = cluster.call("GET", APPS.format(namespace) + "replicasets")["items"]
    number = "deployment.kubernetes.io/revision"
    template = next(item for item in items if item["metadata"]["annotations"].get(number) == "1")["spec"]["template"]
    template["metadata"]["labels"].pop("pod-template-hash", None)
    change = [{"op": "replace", "path": "/spec/template", "value": template}]
    cluster.call("PATCH", APPS.format(namespace) + "deployments/web", change, "application/json-patch+json")


def mounted(**volume: Any) -> dict[str, Any]:
    """A volume `s` of the app."""
    made: dict[str, Any] = merge(
        container(volumeMounts=[{"name": "s", "mountPath": "/s"}]), pod(volumes=[{"name": "s"} | volume])
    )
    return made


BAD_LUCK = (
    "case $(hostname) in *[0-4bcdf]) [ -e /s/b ] || { touch /s/b; echo bad luck; exit 1; };; esac; "
    "trap 'exit 0' TERM; while true; do sleep 1; done"
)
SOME_RESTART = merge(
    container(image=BUSYBOX, command=["sh", "-c", BAD_LUCK], volumeMounts=[{"name": "s", "mountPath": "/s"}],
              readinessProbe={"$patch": "replace", "exec": {"command": ["true"]}, "periodSeconds": 2}),
    pod(),
)  # fmt: skip
SOME_RESTART["spec"]["template"]["spec"]["volumes"] = [{"name": "s", "emptyDir": {}}]
DATABASE = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"user": "x"}}
OF_CPU = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"limits.cpu": "2"}}}
NO_KEY = [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "db", "key": "none"}}}]
CLAIM = mounted(persistentVolumeClaim={"claimName": "none"})
NO_ITEM = mounted(secret={"secretName": "db", "items": [{"key": "none", "path": "x"}]})
BAD_HOOK = container(lifecycle={"postStart": {"exec": {"command": ["/nope"]}}})

ONCE = "if [ -e /s/been ]; then trap 'exit 0' TERM; while true; do sleep 1; done; fi; touch /s/been; echo no database yet; exit 3"
SIDECAR = pod(
    volumes=[{"name": "s", "emptyDir": {}}],
    initContainers=[
        {"name": "sidecar", "image": BUSYBOX, "restartPolicy": "Always", "command": ["sh", "-c", ONCE],
         "volumeMounts": [{"name": "s", "mountPath": "/s"}]},
    ],
)  # fmt: skip
ONE_RESTART = merge(
    container(image=BUSYBOX, command=["sh", "-c", ONCE], volumeMounts=[{"name": "s", "mountPath": "/s"}],
              readinessProbe={"$patch": "replace", "exec": {"command": ["true"]}, "periodSeconds": 2}),
    {},
)  # fmt: skip
ONE_RESTART["spec"]["template"]["spec"]["volumes"] = [{"name": "s", "emptyDir": {}}]
FLAPPING = {"$patch": "replace", "exec": {"command": ["sh", "-c", "[ $(( $(date +%s) % 8 )) -lt 4 ]"]},
            "periodSeconds": 1, "failureThreshold": 1}  # fmt: skip
PROBE = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2, "failureThreshold": 2}
HALF = {"replicas": 10, "strategy": {"rollingUpdate": {"maxUnavailable": "50%", "maxSurge": "25%"}}}
MISSING_MAP = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "k"}}}]

TWO_CAUSES = merge(image("nope"), {})
TWO_CAUSES["spec"]["template"]["spec"]["containers"].append({"name": "second", "image": APP + "v3", "env": MISSING_MAP})

SCENARIOS: dict[str, tuple[Any, ...]] = {
    "own-second-container-crashes": ("a second container comes, and exits 1 at once", [second(image=APP + "crash")], 30, failed("crash-loop"), {}),
    "own-sidecar-restarts-once": ("a sidecar ends with 3 once, then stays", [SIDECAR], 30, COMPLETE, {}),
    "own-one-restart": ("each new pod ends with 3 once, then stays", [ONE_RESTART], 60, COMPLETE, {}),
    "own-parallel-statefulset-crash": ("a Parallel StatefulSet exits 1", [image("crash")], 30, failed("crash-loop"), {"kind": "StatefulSet", "spec": {"podManagementPolicy": "Parallel"}}),
    "own-daemonset-missing": ("a tag that does not exist", [image("nope")], 20, failed("image-pull-failed"), {"kind": "DaemonSet"}),
    "own-recreate-good": ("strategy Recreate, v1 -> v3", [image("v3")], 25, COMPLETE, {"spec": {"strategy": {"type": "Recreate"}}}),
    "own-ten-half": ("10 replicas, maxUnavailable 50 %, a slow start", [image("slow")], 90, COMPLETE, {"spec": HALF}),
    "own-scaled-up": ("3 -> 5 replicas by somebody else in the middle", [image("v3"), 1, {"spec": {"replicas": 5}}], 25, COMPLETE, {}),
    "own-scaled-down": ("3 -> 1 replica by somebody else in the middle", [image("slow"), 5, {"spec": {"replicas": 1}}], 60, COMPLETE, {}),
    "own-pod-deleted": ("somebody deletes a new pod", [image("v3"), 0.4, lose_a_pod], 25, COMPLETE, {}),
    "own-pod-evicted": ("a new pod is evicted", [image("v3"), 0.4, evict_a_pod], 25, COMPLETE, {}),
    "own-config-late": ("the ConfigMap comes 5 s late", [container(envFrom=[{"configMapRef": {"name": "late"}}]), 5, "ConfigMap late"], 50, COMPLETE, {}),
    "own-quota-raised": ("a full quota is raised after 10 s", [image("v3"), 10, raise_the_quota], 70, COMPLETE, {"spec": machinery.SURGE_ONLY, "objects": [machinery.QUOTA]}),
    "own-digest-missing": ("a digest that does not exist", [image(f"localhost:5000/app@sha256:{DIGEST}")], 20, failed("image-pull-failed"), {}),
    "own-readiness-flaps": ("ready for 4 s, unready for 4 s, minReadySeconds 10", [container(image=BUSYBOX, command=["sh", "-c", "while true; do sleep 1; done"], readinessProbe=FLAPPING)], 60, PROGRESSING, {"spec": {"minReadySeconds": 10}}),
    "own-liveness-before-ready": ("needs 20 s to listen, liveness kills it after 4", [merge(image("slow"), container(image=APP + "slow", livenessProbe=PROBE))], 40, failed("probe-failing"), {}),
    "own-startup-probe-kills": ("needs 20 s to listen, its startup probe kills it after 6", [container(image=APP + "slow", startupProbe=PROBE | {"failureThreshold": 3})], 50, PROGRESSING, {}),
    "own-exit-zero": ("a program that ends with 0 again and again", [container(image=BUSYBOX, command=["sh", "-c", "echo done; exit 0"])], 40, failed("crash-loop"), {}),
    "own-init-slow": ("an init container works for 15 s", [init(command=["sh", "-c", "sleep 15"])], 90, COMPLETE, {}),
    "own-two-causes": ("one container's image is missing, the other's ConfigMap", [TWO_CAUSES], 20, failed("image-pull-failed"), {}),
    "own-paused-meanwhile": ("somebody else pauses it", [image("slow"), 4, {"spec": {"paused": True}}], 15, {"verdict": "superseded", "known_by": 4.1}, {}),
    "own-restarted-meanwhile": ("somebody else restarts it", [image("slow"), 4, {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}], 15, {"verdict": "superseded", "known_by": 4.1}, {}),
    "own-deleted-meanwhile": ("somebody deletes it", [image("slow"), 4, delete_it], 15, {"verdict": "gone", "known_by": 4.1}, {}),
    "own-made-anew-meanwhile": ("somebody deletes it and makes it anew", [image("slow"), 4, delete_and_make_anew], 15, {"verdict": "gone", "known_by": 4.1}, {}),
    "own-neighbour-crashes": ("a neighbour crashes meanwhile", [crashing_neighbour, image("slow")], 90, COMPLETE, {}),
    "own-statefulset-partition": ("partition 2: one pod of three", [image("v3")], 20, COMPLETE | {"notes": ["partial"]}, {"kind": "StatefulSet", "spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}}),
    "own-admission-policy": ("a ValidatingAdmissionPolicy takes no such pod", [image("v3")], 15, failed("admission-denied"), {"prepare": policy_of_admission}),
    "own-webhook-away": ("an admission webhook that never answers", [image("v3")], 45, PROGRESSING, {"prepare": webhook_that_is_away}),
    "own-webhook-removed": ("an admission webhook that is away, and goes after 8 s", [image("v3"), 8, remove_webhook], 50, COMPLETE, {"prepare": webhook_that_is_away}),
    "own-quota-unspecified": ("a quota of CPU limits, and a pod that has none", [image("v3")], 15, failed("admission-denied"), {"objects": [OF_CPU]}),
    "own-priority-class-missing": ("a PriorityClass that is not there", [pod(priorityClassName="vip")], 40, failed("admission-denied"), {}),
    "own-key-missing": ("a Secret that lacks the key", [container(env=NO_KEY)], 40, failed("config-error"), {"objects": [DATABASE]}),
    "own-volume-key-missing": ("a mounted Secret that lacks the key", [NO_ITEM], 40, failed("config-error"), {"objects": [DATABASE]}),
    "own-claim-missing": ("a claim that does not exist", [CLAIM], 40, failed("config-error"), {}),
    "own-host-path-missing": ("a folder of the node that is not there", [mounted(hostPath={"path": "/nope/none", "type": "Directory"})], 40, failed("config-error"), {}),
    "own-post-start-fails": ("a postStart hook that can't be run", [BAD_HOOK], 25, failed("run-container-error"), {}),
    "own-sidecar-crashes": ("a native sidecar that ends with 4 for ever", [init(restartPolicy="Always", command=["sh", "-c", "echo no upstream >&2; exit 4"])], 30, failed("crash-loop"), {}),
    "own-init-out-of-memory": ("an init container that takes 200 MiB under a limit of 32", [init(image=APP + "leak", resources={"limits": {"memory": "32Mi"}})], 25, failed("oom-killed"), {}),
    "own-init-image-missing": ("an init container's tag does not exist", [init(image=APP + "nope")], 15, failed("image-pull-failed"), {}),
    "own-some-restart-once": ("of six new pods some end with 1 once, then stay", [SOME_RESTART], 50, COMPLETE, {"spec": {"replicas": 6}}),
    "own-pull-secret-missing": ("a pull secret that is not there, and not needed", [merge(image("v3"), pod(imagePullSecrets=[{"name": "none"}]))], 20, COMPLETE, {}),
    "own-undone-by-hand": ("needs 20 s to listen; undone by somebody after 4", [image("slow"), 4, undo_by_hand], 20, {"verdict": "superseded", "known_by": 4.2}, {}),
    "own-zero-meanwhile": ("scaled to zero by somebody else in the middle", [image("slow"), 3, {"spec": {"replicas": 0}}], 15, COMPLETE | {"notes": ["zero"]}, {}),
    "own-all-at-once": ("maxUnavailable 100 %", [image("v3")], 25, COMPLETE, {"spec": {"replicas": 6, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}}}),
}  # fmt: skip
PATIENCE = {"config-error": 30.0, "own-priority-class-missing": 30.0}
"""Seconds of the contract that a failure waits for: by code, or by scenario where a code has several."""
SAID = {
    "config-error": ("couldn't find key", "non-existent secret key", "persistentvolumeclaim", "hostPath type check"),
    "admission-denied": ("is forbidden:",),
    "run-container-error": ("PostStartHook",),
}
"""What an event says of a failure, first."""


def is_second_exit(status: dict[str, Any]) -> bool:
    """A container that has ended twice: it restarted once and does not run."""
    return status.get("restartCount", 0) >= 1 and "running" not in status.get("state", {})


def first_said(lines: list[dict[str, Any]], words: tuple[str, ...]) -> float | None:
    """When an event first said one of the words, in its reason or its message, after the change."""
    for line in lines:
        thing = line.get("event", {}).get("object", {})
        if line.get("resource") == "events" and line["t"] > 0:
            text = f"{thing.get('reason')} {thing.get('message')}"
            if any(word in text for word in words):
                return float(line["t"])
    return None


def evidence(lines: list[dict[str, Any]], code: str) -> float | None:
    """When the evidence of a failure was there.

    The first pull error; the second kill by a probe; the second exit of as many new pods as there are, two at most.
    """
    if code in SAID:
        return first_said(lines, SAID[code])
    old: set[str] = set()
    new: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line.get("resource") not in {"pods", "events"}:
            continue
        if "list" in line:
            old |= {item["metadata"]["uid"] for item in line["list"]["items"]}
            continue
        thing = line["event"]["object"]
        if code == "image-pull-failed" and "Failed to pull image" in thing.get("message", ""):
            return float(line["t"])
        if code == "probe-failing" and thing.get("reason") == "Killing" and thing.get("count", 0) >= 2:
            return float(line["t"])
        if code not in {"crash-loop", "oom-killed"} or line["resource"] != "pods" or thing["metadata"]["uid"] in old:
            continue
        new[thing["metadata"]["uid"]] = thing.get("status", {})
        broken = [
            1
            for status in new.values()
            if any(
                is_second_exit(item)
                for item in [*status.get("containerStatuses", []), *status.get("initContainerStatuses", [])]
            )
        ]
        if len(broken) >= min(2, len(new)):
            return float(line["t"])
    return None


def partly_done(lines: list[dict[str, Any]]) -> float | None:
    """When a StatefulSet with a partition had updated what the partition lets it (the other script knows no partition)."""
    for line in lines:
        thing = line.get("event", {}).get("object", {})
        if line.get("resource") != "statefulsets" or line["t"] <= 0:
            continue
        spec, status = thing["spec"], thing.get("status", {})
        keep = spec["replicas"] - spec["updateStrategy"]["rollingUpdate"]["partition"]
        seen = status.get("observedGeneration") == thing["metadata"]["generation"]
        if seen and status.get("updatedReplicas", 0) >= keep and status.get("readyReplicas", 0) >= spec["replicas"]:
            return float(line["t"])
    return None


def finish(path: Path) -> None:
    """Writes the moment of the evidence into a recording of a failure."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        head, *lines = [json.loads(line) for line in stream]
    if head["expect"].get("notes") == ["partial"]:
        head["expect"]["known_by"] = partly_done(lines)
    elif head["expect"]["verdict"] == "failed":
        code, scenario = head["expect"]["code"], head["scenario"]
        seen = evidence(lines, code)
        assert seen is not None, f"{scenario}: there was no evidence of {code}"
        head["expect"]["known_by"] = round(seen + PATIENCE.get(scenario, PATIENCE.get(code, 0.0)), 3)
    with gzip.GzipFile(path, "wb", mtime=0) as packed:
        packed.writelines(json.dumps(line).encode() + b"\n" for line in [head, *lines])


def one(name: str) -> str:
    said: str = machinery.record(server, name, HERE, SCENARIOS)
    finish(HERE / f"{name}.ndjson.gz")
    return said


if __name__ == "__main__":
    server = machinery.Cluster()
    asked = sys.argv[2:] or list(SCENARIOS)
    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(one, name) for name in asked]:
            try:
                print(future.result(), flush=True)
            except Exception as error:  # noqa: BLE001 - one scenario's failure leaves the others
                print("FAILED", repr(error), flush=True)
