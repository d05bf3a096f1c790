"""Who knows first, and who is right: headway, kubectl, helm and kubedog on the same rollouts of a real cluster.

usage: python -m benchmarks.verdict [--out FILE] [--parallel N] [--budget S] [--tools a,b] [SCENARIO...]

The scenarios are those of ../shared/kubernetes/record.py. Each runs once, in one namespace a tool, all tools at the same time; results are
added to FILE as they come, and what stands there is not run again. `--table` only draws the table and the picture from FILE.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import copy
import importlib.util
import json
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks.verdict import evidence, table
from benchmarks.verdict.proxy import Door
from benchmarks.verdict.tools import ROOT, TOOLS, Case

OUT = ROOT / "benchmarks" / "results" / "verdict.json"


def load_record() -> Any:
    """The recorder of the shared folder, as a module."""
    place = ROOT.parent / "shared" / "kubernetes" / "record.py"
    spec = importlib.util.spec_from_file_location("record", place)
    if spec is None or spec.loader is None or not place.exists():
        sys.exit(f"the scenarios are not here: {place}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Watch:
    """Our own eyes on one namespace: every event with its time, independent of all tools."""

    def __init__(self, record: Any, cluster: Any, namespace: str, seconds: int) -> None:
        self.lines: list[dict[str, Any]] = []
        self._over = threading.Event()
        for resource in ("deployments", "statefulsets", "daemonsets", "pods", "events"):
            prefix = record.WATCHED[resource].format(namespace)
            listed = cluster.call("GET", prefix + resource)
            for item in listed["items"]:
                self.lines.append({"at": time.time(), "resource": resource, "object": item, "before": True})
            version = listed["metadata"]["resourceVersion"]
            path = f"{prefix}{resource}?watch=1&resourceVersion={version}&timeoutSeconds={seconds}"
            threading.Thread(target=self._read, args=(cluster, resource, path), daemon=True).start()

    def _read(self, cluster: Any, resource: str, path: str) -> None:
        connection = cluster.connect()
        connection.request("GET", path)
        stream = connection.getresponse()
        while not self._over.is_set() and (line := stream.readline()):
            self.lines.append({"at": time.time(), "resource": resource, "object": json.loads(line)["object"]})
        connection.close()

    def close(self) -> None:
        """No more lines are kept."""
        self._over.set()

    def changed_at(self, plural: str, before: int) -> tuple[float, int]:
        """When the workload's generation first moved, and to what; (now, 0) if it never did."""
        for line in list(self.lines):
            found = line["object"]["metadata"].get("generation", 0)
            if line["resource"] == plural and not line.get("before") and found > before:
                return line["at"], found
        return time.time(), 0


def set_up(
    record: Any, cluster: Any, name: str, namespace: str, own_base: bool
) -> tuple[dict[str, Any] | None, dict[str, Any], str]:
    """A fresh namespace with the scenario's state before; returns (workload before, workload as changed, plural)."""
    _, steps, _, _, how = record.SCENARIOS[name]
    steps = other_name(steps)
    kind = how.get("kind", "Deployment")
    plural = kind.lower() + "s"
    cluster.call("DELETE", f"/api/v1/namespaces/{namespace}")
    while (
        cluster.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}}).get("reason") == "AlreadyExists"
    ):
        time.sleep(0.3)
    while not cluster.call("GET", record.CORE.format(namespace) + "serviceaccounts")["items"]:
        time.sleep(0.1)
    base = record.workload(kind, how.get("spec"), how.get("container"), how.get("pod"))
    after = copy.deepcopy(base)
    first = next((step for step in steps if isinstance(step, dict)), None)
    if first is not None:
        after = merged(base, first)
    fresh = bool(how.get("fresh"))
    if not fresh and not own_base:
        cluster.create(namespace, base)
    return (None if fresh else base), after, plural


def other_name(steps: list[Any]) -> list[Any]:
    """The steps with init images under another name of the same app: Headway sets an image wherever its repository stands."""
    steps = copy.deepcopy(steps)
    for step in steps:
        if isinstance(step, dict):
            for init in step.get("spec", {}).get("template", {}).get("spec", {}).get("initContainers", []):
                init["image"] = init["image"].replace("/app:", "/adservice:")
    return steps


def merged(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """The strategic merge that the scenarios need: containers by name."""
    out = copy.deepcopy(base)
    for key, value in patch.items():
        if key == "containers" and key in out:
            out[key] = [merged(out[key][0], value[0]), *out[key][1:]]
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        else:
            out[key] = value
    return out


def wait_ready(cluster: Any, record: Any, namespace: str, plural: str) -> None:
    for _ in range(600):
        thing = cluster.call("GET", record.APPS.format(namespace) + plural + "/web")
        if "status" in thing and evidence.is_complete(thing, plural, 1):
            return
        time.sleep(0.2)
    raise RuntimeError(f"{namespace}: the state before never became ready")


def measure(
    record: Any, cluster: Any, name: str, tool_name: str, budget: int, gate: threading.Barrier
) -> dict[str, Any]:
    """One tool on one scenario."""
    tool, namespace = TOOLS[tool_name], f"bench-{name}-{tool_name}"
    _, steps, _, expect, how = record.SCENARIOS[name]
    steps = other_name(steps)
    door = Door(cluster.host, cluster.tls)
    with tempfile.TemporaryDirectory() as folder:
        try:
            before, after, plural = set_up(record, cluster, name, namespace, own_base=tool_name == "helm")
            kubeconfig = Path(folder) / "kubeconfig"
            kubeconfig.write_text(door.kubeconfig(namespace))
            case = Case(namespace, Path(folder), kubeconfig, before, after, plural, budget)
            tool.prepare(case)
            if before is not None:
                wait_ready(cluster, record, namespace, plural)
            cluster.create(namespace, *how.get("objects", []))
            if "labels" in how:
                cluster.call(
                    "PATCH",
                    f"/api/v1/namespaces/{namespace}",
                    {"metadata": {"labels": how["labels"]}},
                    "application/merge-patch+json",
                )
            listed = cluster.call("GET", record.APPS.format(namespace) + plural)["items"]
            generation = max((thing["metadata"]["generation"] for thing in listed), default=0)
            door.count.requests = door.count.bytes_read = door.count.watches = 0
            watch = Watch(record, cluster, namespace, budget + 60)
            gate.wait(timeout=180)
            return go(record, cluster, tool, case, steps, expect, door, watch, generation)
        finally:
            door.close()
            cluster.call("DELETE", f"/api/v1/namespaces/{namespace}")


def go(
    record: Any, cluster: Any, tool: Any, case: Case, steps: Any, expect: Any, door: Door, watch: Watch, generation: int
) -> dict[str, Any]:
    path = record.APPS.format(case.namespace) + case.plural
    rest = list(steps)
    begun = time.time()
    if tool.patched:
        if case.before is None:
            cluster.call("POST", path, case.after)
        else:
            cluster.call("PATCH", path + "/web", rest.pop(0), "application/strategic-merge-patch+json")
    elif case.before is not None:
        rest.pop(0)

    def later() -> None:
        while (
            not tool.patched and not watch.changed_at(case.plural, generation)[1] and time.time() - begun < case.budget
        ):
            time.sleep(0.02)
        for step in rest:
            if isinstance(step, (int, float)):
                time.sleep(step)
            elif isinstance(step, str):
                cluster.create(
                    case.namespace, {"apiVersion": "v1", "kind": step.split()[0], "metadata": {"name": step.split()[1]}}
                )
            else:
                cluster.call("PATCH", path + "/web", step, "application/strategic-merge-patch+json")

    others = threading.Thread(target=later, daemon=True)
    others.start()
    answer = tool.follow(case)
    time.sleep(0.5)
    changed, reached = watch.changed_at(case.plural, generation)
    if not reached:  # never written: time runs from the start of the tool
        changed = begun
    known = evidence.known_at(expect, sorted(watch.lines, key=lambda line: line["at"]), case.plural, reached)
    watch.close()
    return {
        "right": expect["verdict"],
        "word": answer.word,
        "seconds": round(answer.at - changed, 2),
        "known_by": None if known is None else round(known - changed, 2),
        "latency": None if known is None else round(answer.at - known, 2),
        "requests": door.count.requests - door.count.watches,
        "watches": door.count.watches,
        "kib": round(door.count.bytes_read / 1024, 1),
        "mib": round(answer.memory_mib, 1),
        "says": answer.says,
    }


def side_by_side(record: Any, cluster: Any, name: str, tools: list[str], budget: int) -> dict[str, Any]:
    """All tools at the same time, each in its own namespace; they start together."""
    gate = threading.Barrier(len(tools))
    with concurrent.futures.ThreadPoolExecutor(len(tools)) as pool:
        futures = {tool: pool.submit(measure, record, cluster, name, tool, budget, gate) for tool in tools}
        rows = {}
        for tool, future in futures.items():
            try:
                rows[tool] = future.result()
            except Exception as problem:  # noqa: BLE001  one tool's trouble is a row, not the end
                gate.abort()
                rows[tool] = {"error": repr(problem), "trace": traceback.format_exc()[-800:]}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--parallel", type=int, default=2, help="scenarios at a time")
    parser.add_argument("--budget", type=int, default=75, help="seconds a tool gets")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--table", action="store_true", help="only draw what FILE holds")
    asked = parser.parse_args()
    results: dict[str, Any] = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    if not asked.table:
        record = load_record()
        cluster = record.Cluster()
        tools = asked.tools.split(",")
        names = [name for name in asked.scenario or record.SCENARIOS if set(tools) - set(results.get(name, {}))]
        with concurrent.futures.ThreadPoolExecutor(asked.parallel) as pool:
            futures = {pool.submit(side_by_side, record, cluster, name, tools, asked.budget): name for name in names}
            for future in concurrent.futures.as_completed(futures):
                name = futures[future]
                results.setdefault(name, {}).update(future.result())
                asked.out.parent.mkdir(parents=True, exist_ok=True)
                asked.out.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
                print(
                    name,
                    {tool: (row.get("word"), row.get("seconds")) for tool, row in results[name].items()},
                    flush=True,
                )
    print(table.markdown(results))
    (asked.out.with_suffix(".md")).write_text(table.markdown(results))
    (asked.out.with_suffix(".svg")).write_text(table.picture(results))


if __name__ == "__main__":
    main()
