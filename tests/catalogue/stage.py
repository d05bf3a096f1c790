"""Turns a case of the catalogue into what a watcher would hear: raw API objects, in the shapes of the recordings.

It plays the controllers' part as far as a watcher notices: statuses follow the pods, every change has a newer
resourceVersion. What a step may say is listed at the head of faults.yaml.
"""

from __future__ import annotations

import copy
from typing import Any

from agent.objects import Object, Ref
from agent.rollout.feed import Applied, Blind, Changed, Event, Listed, Sighted

NAME, SPACE = "web", "shop"
RESOURCES = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "Job": "jobs"}
IMAGE = "registry.example.com/shop/app:v2"
OLD, NEW = "67d7f758c5", "5dd8f94fd9"


class Stage:
    """One workload, its ReplicaSets or ControllerRevisions, its pods and the events about them."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.kind: str = case.get("kind", "Deployment")
        self.resource = RESOURCES[self.kind]
        self.replicas: int = case.get("replicas", 3)
        self.nodes: list[str] = case.get("nodes", ["node1"])
        self.containers: dict[str, str] = case.get("containers", {"app": "main"})
        self.fresh = case.get("fresh", False) or self.kind == "Job"
        self.version = 1000
        self.at = 0.0
        self.heard: list[Event] = []
        self.pods: dict[str, Object] = {}
        self.sets: dict[str, Object] = {}
        self.said: dict[tuple[str, str, str], Object] = {}
        self.revision_of: dict[str, str] = {}
        self.refused = ""
        self.observed = True
        self.workload: Object = self._workload()

    # -- the story ----------------------------------------------------------------------------------------------

    def play(self) -> list[Event]:
        """All that is heard, in order."""
        self.at = -0.5
        if not self.fresh:
            for index in range(self.replicas):
                self._make_pod(f"old-{index}", OLD, quiet=True)
                self._up(f"old-{index}", quiet=True)
            for change in self.case.get("before", []):
                self._step(change, quiet=True)
            self._statuses(quiet=True)
        self._list()
        self._write()
        for step in sorted(self.case.get("steps", []), key=lambda item: item["at"]):
            self.at = float(step["at"])
            self._step(step)
        return self.heard

    def _write(self) -> None:
        self.at = 0.0
        changes = self.case.get("change", {})
        if not self.fresh:
            self.workload["metadata"]["generation"] = 2
            if not changes.get("same_template"):
                self.workload["spec"]["template"]["spec"]["containers"][0]["image"] = self.case.get("image", IMAGE)
            self.workload["spec"].update(changes.get("spec", {}))
        self._touch(self.workload)
        self.heard.append(Applied(0.0, copy.deepcopy(self.workload), created=self.fresh))
        self.observed = False
        self._emit(self.resource, "ADDED" if self.fresh else "MODIFIED", self.workload, at=0.02)
        if self.kind != "Job" and not changes.get("same_template") and not self.case.get("no_controller"):
            self._make_set(NEW, 2, at=0.03)
        if not self.case.get("no_controller"):
            self.at = 0.05
            self.observed = True
            self._statuses()

    def _step(self, step: dict[str, Any], *, quiet: bool = False) -> None:
        for verb, value in step.items():
            if verb == "at":
                continue
            getattr(self, f"do_{verb}")(value)
        self._statuses(quiet=quiet)
        if quiet:
            self.heard.clear()

    # -- the verbs ----------------------------------------------------------------------------------------------

    def do_pods(self, value: Any) -> None:
        """New pods appear: names, or {names, node: NODE|null, revision: old}."""
        names, node, revision = value, "auto", NEW
        if isinstance(value, dict):
            names, node = value["names"], value.get("node", "auto")
            revision = OLD if value.get("revision") == "old" else NEW
        for name in names:
            self._make_pod(name, revision, node=node)

    def do_up(self, names: list[str]) -> None:
        """Pods run and are ready; those that do not exist yet appear."""
        for name in names:
            if name not in self.pods:
                self._make_pod(name, NEW)
            self._up(name)

    def do_down(self, names: list[str]) -> None:
        """Pods are stopped and gone."""
        for name in names:
            pod = self.pods[name]
            pod["metadata"]["deletionTimestamp"] = "2026-11-23T04:00:00Z"
            self._change("pods", pod)
            self._delete(name)

    def do_stop(self, names: list[str]) -> None:
        """Pods are asked to stop, and stay for now."""
        for name in names:
            self.pods[name]["metadata"]["deletionTimestamp"] = "2026-11-23T04:00:00Z"
            self._change("pods", self.pods[name])

    def do_state(self, value: dict[str, Any]) -> None:
        """A container's status: {pod, container, waiting, message, exit, last, running, ready, restarts}."""
        pod = self.pods[value["pod"]]
        name = value.get("container", next(iter(self.containers)))
        field = "containerStatuses" if self.containers[name] == "main" else "initContainerStatuses"
        status = next(item for item in pod["status"][field] if item["name"] == name)
        if "waiting" in value:
            status["state"] = {"waiting": {"reason": value["waiting"], "message": value.get("message", "")}}
        if "exit" in value:
            status["state"] = {"terminated": _exit(value["exit"])}
        if value.get("running"):
            status["state"] = {"running": {"startedAt": "2026-11-23T04:00:00Z"}}
        if "last" in value:
            status["lastState"] = {"terminated": _exit(value["last"])}
        status["ready"] = value.get("ready", False)
        status["restartCount"] = value.get("restarts", status["restartCount"])
        ready = all(item["ready"] for item in pod["status"]["containerStatuses"])
        _condition(pod, "Ready", "True" if ready else "False")
        self._change("pods", pod)

    def do_say(self, value: dict[str, Any]) -> None:
        """An event: {about: POD | set | workload | claim/NAME, reason, message, container}; again, its count grows."""
        about, reason, message = value["about"], value["reason"], value["message"]
        key = (about, reason, message)
        event = self.said.get(key)
        kind = "ADDED" if event is None else "MODIFIED"
        if event is None:
            event = self.said[key] = self._event(about, reason, message, value.get("container", ""))
        else:
            event["count"] += 1
        self._touch(event)
        self._emit("events", kind, event)

    def do_refuse(self, message: str) -> None:
        """The creation of a pod is refused."""
        self.refused = message
        if self.kind == "StatefulSet":
            said = f"create Pod web-0 in StatefulSet web failed error: {message}"
        else:
            said = f"Error creating: {message}"
        self.do_say(
            {"about": "set" if self.kind == "Deployment" else "workload", "reason": "FailedCreate", "message": said}
        )

    def do_accept(self, _: object) -> None:
        """Creations succeed again."""
        self.refused = ""

    def do_unscheduled(self, value: dict[str, Any]) -> None:
        """The scheduler finds no node: {pod, message}."""
        pod = self.pods[value["pod"]]
        _condition(pod, "PodScheduled", "False", "Unschedulable", value["message"])
        self._change("pods", pod)
        self.do_say({"about": value["pod"], "reason": "FailedScheduling", "message": value["message"]})

    def do_schedule(self, value: dict[str, str]) -> None:
        """Pods get nodes: {POD: NODE}."""
        for name, node in value.items():
            self.pods[name]["spec"]["nodeName"] = node
            _condition(self.pods[name], "PodScheduled", "True")
            self._change("pods", self.pods[name])

    def do_pod(self, value: dict[str, Any]) -> None:
        """Anything else about a pod: {name, phase, reason, condition: {...}, nominated}."""
        pod = self.pods[value["name"]]
        pod["status"].update({key: value[key] for key in ("phase", "reason") if key in value})
        if "condition" in value:
            _condition(
                pod, value["condition"]["type"], value["condition"]["status"], value["condition"].get("reason", "")
            )
        if "nominated" in value:
            pod["status"]["nominatedNodeName"] = value["nominated"]
        self._change("pods", pod)

    def do_scale(self, replicas: int) -> None:
        """Somebody (an HPA, a person) changes spec.replicas."""
        self.replicas = replicas
        self.workload["spec"]["replicas"] = replicas
        self._bump()

    def do_template(self, image: str) -> None:
        """Somebody else changes the pod template."""
        self.workload["spec"]["template"]["spec"]["containers"][0]["image"] = image
        self._bump()

    def do_workload(self, value: dict[str, Any]) -> None:
        """Somebody changes other fields of spec."""
        self.workload["spec"].update(value)
        self._bump()

    def do_condition(self, value: dict[str, str]) -> None:
        """A condition of the workload: {type, status, reason, message}."""
        _condition(self.workload, value["type"], value["status"], value.get("reason", ""), value.get("message", ""))
        self._change(self.resource, self.workload)

    def do_delete(self, _: object) -> None:
        """Somebody deletes the workload."""
        self._touch(self.workload)
        self._emit(self.resource, "DELETED", self.workload)

    def do_recreate(self, _: object) -> None:
        """Somebody deletes the workload and makes it anew."""
        self.do_delete(None)
        self.workload["metadata"]["uid"] = "uid-workload-2"
        self._touch(self.workload)
        self._emit(self.resource, "ADDED", self.workload)

    def do_blind(self, reason: str) -> None:
        """The API server can't be reached from here on."""
        self.heard.append(Blind(self.at, reason))

    def do_sight(self, _: object) -> None:
        """It answers again: everything is listed anew."""
        self._list()
        self.heard.append(Sighted(self.at))

    def do_finish(self, _: object) -> None:
        """The rollout goes through: all new pods are up, all old ones gone."""
        self.refused = ""
        live = [name for name in self.pods if self.revision_of[name] == NEW and _is_live(self.pods[name])]
        for index in range(self.replicas):
            name = live[index] if index < len(live) else f"late-{index}"
            self.do_up([name])
            self._statuses()
        for name in [name for name in self.pods if self.revision_of[name] == OLD]:
            self.do_down([name])

    # -- objects ------------------------------------------------------------------------------------------------

    def _workload(self) -> Object:
        meta: Object = {
            "name": NAME,
            "namespace": SPACE,
            "uid": "uid-workload",
            "generation": 1,
            "labels": {"app": "web"},
        }
        spec: Object = {"selector": {"matchLabels": {"app": "web"}}, "template": self._template()}
        if self.kind == "Job":
            spec |= {"completions": 1, "parallelism": 1, "backoffLimit": 2}
        elif self.kind != "DaemonSet":
            spec["replicas"] = self.replicas
        if self.kind == "Deployment":
            spec["progressDeadlineSeconds"] = 600
        if self.kind == "StatefulSet":
            spec["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
        spec.update(copy.deepcopy(self.case.get("spec", {})))
        version = "batch/v1" if self.kind == "Job" else "apps/v1"
        thing: Object = {"apiVersion": version, "kind": self.kind, "metadata": meta, "spec": spec, "status": {}}
        if not self.fresh and self.kind != "Job":
            self._make_set(OLD, 1, quiet=True)
        return thing

    def _template(self) -> Object:
        made: Object = {"containers": []}
        for name, kind in self.containers.items():
            container = {
                "name": name,
                "image": "registry.example.com/shop/app:v1",
                "env": [{"name": "A", "value": "secret"}],
            }
            if kind == "sidecar":
                container["restartPolicy"] = "Always"
            made.setdefault("containers" if kind == "main" else "initContainers", []).append(container)
        return {"metadata": {"labels": {"app": "web"}}, "spec": made}

    def _make_set(self, pod_hash: str, revision: int, *, at: float | None = None, quiet: bool = False) -> None:
        template = copy.deepcopy(self.workload["spec"]["template"] if pod_hash == NEW else self._template())
        name = f"{NAME}-{pod_hash}"
        meta: Object = {"name": name, "namespace": SPACE, "uid": f"uid-{pod_hash}", "generation": 1}
        meta["creationTimestamp"] = f"2026-11-23T0{revision}:00:00Z"
        meta["ownerReferences"] = [{"kind": self.kind, "name": NAME, "uid": "uid-workload", "controller": True}]
        if self.kind == "Deployment":
            template["metadata"]["labels"]["pod-template-hash"] = pod_hash
            meta["labels"] = {"app": "web", "pod-template-hash": pod_hash}
            meta["annotations"] = {"deployment.kubernetes.io/revision": str(revision)}
            thing: Object = {
                "kind": "ReplicaSet",
                "metadata": meta,
                "spec": {"replicas": 0, "template": template},
                "status": {},
            }
        else:
            mark = pod_hash if self.kind == "DaemonSet" else name
            meta["labels"] = {"app": "web", "controller-revision-hash": mark}
            data = {"spec": {"template": {"$patch": "replace", **template}}}
            thing = {"kind": "ControllerRevision", "metadata": meta, "data": data, "revision": revision}
        self.sets[pod_hash] = thing
        self._touch(thing)
        if not quiet:
            self._emit(self._sets(), "ADDED", thing, at=at)

    def _sets(self) -> str:
        return "replicasets" if self.kind == "Deployment" else "controllerrevisions"

    def _make_pod(self, name: str, revision: str, *, node: str | None = "auto", quiet: bool = False) -> None:
        index = len(self.pods)
        place = self.nodes[index % len(self.nodes)] if node == "auto" else node
        labels = {"app": "web"}
        owner = self.sets[revision]["metadata"]["uid"] if self.kind == "Deployment" else "uid-workload"
        if self.kind == "Deployment":
            labels["pod-template-hash"] = revision
        elif self.kind != "Job":
            labels["controller-revision-hash"] = self.sets[revision]["metadata"]["labels"]["controller-revision-hash"]
        title = f"{NAME}-{name.rpartition('-')[2]}" if self.kind == "StatefulSet" else f"{NAME}-{revision}-{name}"
        pod: Object = {
            "kind": "Pod",
            "metadata": {
                "name": title, "namespace": SPACE, "uid": f"uid-{name}", "labels": labels,
                "ownerReferences": [{"kind": "owner", "name": "owner", "uid": owner, "controller": True}],
            },
            "spec": {"containers": [], "volumes": [
                {"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in self.case.get("claims", [])
            ]},
            "status": {"phase": "Pending", "conditions": []},
        }  # fmt: skip
        template = self.workload["spec"]["template"]["spec"] if name.startswith("new") else self._template()["spec"]
        pod["spec"] |= {
            key: copy.deepcopy(template[key]) for key in ("containers", "initContainers") if key in template
        }
        for name_, kind in self.containers.items():
            field = "containerStatuses" if kind == "main" else "initContainerStatuses"
            waiting = {"reason": "ContainerCreating" if kind == "main" else "PodInitializing"}
            status = {"name": name_, "ready": False, "restartCount": 0, "state": {"waiting": waiting}, "lastState": {}}
            pod["status"].setdefault(field, []).append(status)
        if place:
            pod["spec"]["nodeName"] = place
            _condition(pod, "PodScheduled", "True")
        _condition(pod, "Ready", "False")
        self.pods[name], self.revision_of[name] = pod, revision
        self._touch(pod)
        if not quiet:
            self._emit("pods", "ADDED", pod)

    def _up(self, name: str, *, quiet: bool = False) -> None:
        pod = self.pods[name]
        pod["spec"].setdefault("nodeName", self.nodes[0])
        pod["status"]["phase"] = "Running"
        for field, items in pod["status"].items():
            for status in items if field.endswith("ontainerStatuses") else ():
                done = field.startswith("init") and self.containers[status["name"]] == "init"
                status["state"] = {"terminated": _exit([0, "Completed"])} if done else {"running": {}}
                status["ready"] = True
        for kind in ("PodScheduled", "Ready"):
            _condition(pod, kind, "True")
        if quiet:
            self._touch(pod)
        else:
            self._change("pods", pod)

    def _delete(self, name: str) -> None:
        pod = self.pods.pop(name)
        self._touch(pod)
        self._emit("pods", "DELETED", pod)

    def _event(self, about: str, reason: str, message: str, container: str) -> Object:
        uid = f"uid-event-{len(self.said)}"
        if about in self.pods:
            meta = self.pods[about]["metadata"]
            subject = {"kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
        elif about.startswith("claim/"):
            subject = {"kind": "PersistentVolumeClaim", "name": about.partition("/")[2], "uid": f"uid-{about}"}
        else:
            meta = (self.sets[NEW] if about == "set" else self.workload)["metadata"]
            subject = {"kind": "ReplicaSet" if about == "set" else self.kind, "name": meta["name"], "uid": meta["uid"]}
        if container:
            field = "containers" if self.containers.get(container) == "main" else "initContainers"
            subject["fieldPath"] = f"spec.{field}{{{container}}}"
        meta = {"name": f"web.{len(self.said)}", "namespace": SPACE, "uid": uid}
        return {
            "kind": "Event", "metadata": meta, "involvedObject": subject, "reason": reason, "message": message,
            "type": "Warning", "count": 1,
        }  # fmt: skip

    # -- what the controllers write -----------------------------------------------------------------------------

    def _statuses(self, *, quiet: bool = False) -> None:
        """Statuses as they follow from the pods."""
        if not self.observed:
            return
        live = [name for name, pod in self.pods.items() if _is_live(pod)]
        new = [name for name in live if self.revision_of[name] == self._wanted_revision()]
        ready = [name for name in live if _is_ready(self.pods[name])]
        status = copy.deepcopy(self.workload["status"])
        status["observedGeneration"] = self.workload["metadata"]["generation"]
        getattr(self, f"_count_{self.kind.lower()}")(status, live, new, ready)
        self._put(self.resource, self.workload, status, quiet=quiet)
        if self.kind == "Deployment":
            self._replica_sets(live, ready, quiet=quiet)

    def _wanted_revision(self) -> str:
        return NEW if NEW in self.sets else OLD

    def _count_deployment(self, status: Object, live: list[str], new: list[str], ready: list[str]) -> None:
        numbers = {"replicas": len(live), "updatedReplicas": len(new), "readyReplicas": len(ready)}
        status.update(numbers | {"availableReplicas": len(ready)})

    def _count_statefulset(self, status: Object, live: list[str], new: list[str], ready: list[str]) -> None:
        status.update({"replicas": len(live), "updatedReplicas": len(new), "readyReplicas": len(ready)})
        done = len(new) >= self.replicas and len(ready) >= self.replicas
        status["availableReplicas"] = len(ready)
        status["updateRevision"] = f"{NAME}-{self._wanted_revision()}"
        status["currentRevision"] = f"{NAME}-{self._wanted_revision() if done else OLD}"

    def _count_daemonset(self, status: Object, live: list[str], new: list[str], ready: list[str]) -> None:
        del live
        status.update({
            "desiredNumberScheduled": self.replicas, "updatedNumberScheduled": len(new), "numberAvailable": len(ready),
            "numberReady": len(ready),
        })  # fmt: skip

    def _count_job(self, status: Object, live: list[str], new: list[str], ready: list[str]) -> None:
        del new, ready
        status["active"] = len(live)

    def _replica_sets(self, live: list[str], ready: list[str], *, quiet: bool) -> None:
        for pod_hash, thing in self.sets.items():
            its = [name for name in live if self.revision_of[name] == pod_hash]
            refused = self.refused if pod_hash == NEW else ""
            thing["spec"]["replicas"] = len(its) + bool(refused)
            status: Object = {
                "replicas": len(its),
                "readyReplicas": len(set(its) & set(ready)),
                "observedGeneration": 1,
            }
            if refused:
                failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refused}
                status["conditions"] = [failure]
            self._put("replicasets", thing, status, quiet=quiet)

    # -- telling ------------------------------------------------------------------------------------------------

    def _bump(self) -> None:
        self.workload["metadata"]["generation"] += 1
        self._change(self.resource, self.workload)

    def _put(self, resource: str, thing: Object, status: Object, *, quiet: bool) -> None:
        if thing.get("status") == status:
            return
        thing["status"] = status
        self._touch(thing)
        if not quiet:
            self._emit(resource, "MODIFIED", thing)

    def _change(self, resource: str, thing: Object) -> None:
        self._touch(thing)
        self._emit(resource, "MODIFIED", thing)

    def _touch(self, thing: Object) -> None:
        self.version += 1
        thing["metadata"]["resourceVersion"] = str(self.version)

    def _emit(self, resource: str, kind: Any, thing: Object, *, at: float | None = None) -> None:
        self.heard.append(Changed(self.at if at is None else at, resource, kind, copy.deepcopy(thing)))

    def _list(self) -> None:
        gone = self.fresh and self.at < 0
        listed = {
            self.resource: [] if gone else [self.workload],
            self._sets(): list(self.sets.values()),
            "pods": list(self.pods.values()),
            "events": list(self.said.values()),
        }
        for resource, items in listed.items():
            self.heard.append(Listed(self.at, resource, tuple(copy.deepcopy(items))))


def target(case: dict[str, Any]) -> Ref:
    """The workload of a case."""
    kind = case.get("kind", "Deployment")
    return Ref("batch/v1" if kind == "Job" else "apps/v1", kind, SPACE, NAME)


def _exit(said: list[Any]) -> Object:
    return {
        "exitCode": said[0],
        "reason": said[1] if len(said) > 1 else "Error",
        "message": said[2] if len(said) > 2 else "",
    }


def _condition(thing: Object, kind: str, status: str, reason: str = "", message: str = "") -> None:
    conditions = thing["status"].setdefault("conditions", [])
    conditions[:] = [item for item in conditions if item["type"] != kind]
    conditions.append({"type": kind, "status": status, "reason": reason, "message": message})


def _is_live(pod: Object) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and pod["status"]["phase"] not in {"Failed", "Succeeded"}


def _is_ready(pod: Object) -> bool:
    return any(item["type"] == "Ready" and item["status"] == "True" for item in pod["status"]["conditions"])
