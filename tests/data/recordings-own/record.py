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
}  # fmt: skip


def is_second_exit(status: dict[str, Any]) -> bool:
    """A container that has ended twice: it restarted once and does not run."""
    return status.get("restartCount", 0) >= 1 and "running" not in status.get("state", {})


def evidence(lines: list[dict[str, Any]], code: str) -> float | None:
    """When the evidence of a failure was there.

    The first pull error; the second kill by a probe; the second exit of as many new pods as there are, two at most.
    """
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
        if code != "crash-loop" or line["resource"] != "pods" or thing["metadata"]["uid"] in old:
            continue
        new[thing["metadata"]["uid"]] = thing.get("status", {})
        broken = [
            1 for status in new.values() if any(is_second_exit(item) for item in status.get("containerStatuses", []))
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
        head["expect"]["known_by"] = evidence(lines, head["expect"]["code"])
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
