"""Named worlds: what the servers are like before anybody deploys; a deployment's fate is its image tag's affair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent.sandbox.world import World

NAMESPACE = "shop"


@dataclass(frozen=True, slots=True)
class Scene:
    """One world.

    Attributes:
        name: what `--scene` takes.
        summary: a clause for the list.
        prepare: makes a fresh world so.
    """

    name: str
    summary: str
    prepare: Callable[[World], None]


def _empty(world: World) -> None:
    """As it starts: the namespaces default and shop, nothing in them."""
    del world


def _running(world: World) -> None:
    """Three replicas of `web`, made with kubectl by somebody who has never heard of Headway."""
    world.cluster.create(workload("web", "registry.example.com/shop/web:v1"))
    world.cluster.create(service("web"))


def _quota_full(world: World) -> None:
    """A quota that leaves no room for one more pod."""
    _running(world)
    spec = {"hard": {"pods": "3"}}
    world.cluster.create(thing("v1", "ResourceQuota", "small", spec=spec))


def _restricted(world: World) -> None:
    """Pod Security `restricted` is enforced in the namespace."""
    with world.cluster.edit("Namespace", "", NAMESPACE) as namespace:
        namespace["metadata"].setdefault("labels", {})["pod-security.kubernetes.io/enforce"] = "restricted"


def _api_away(world: World) -> None:
    """The API server answers 503 to everything for a while, again and again."""
    _running(world)
    world.cluster.fault("unavailable", times=10, retry_after=1)


def _expired_token(world: World) -> None:
    """The kubeconfig's token was good yesterday."""
    world.cluster.expire_token()


def _jenkins_restarting(world: World) -> None:
    """Every third request to Jenkins finds it not up yet."""
    world.jenkins.fault("status", status=503, every=3, retry_after=1)


def _login_page(world: World) -> None:
    """A proxy in front of Jenkins sends everybody to its login page."""
    world.jenkins.stand_behind_login_page()


SCENES = {
    scene.name: scene
    for scene in (
        Scene("empty", "namespaces default and shop, nothing deployed, no jobs", _empty),
        Scene("running", "deployment/web (v1, 3 replicas) in shop, made by hand", _running),
        Scene("quota-full", "the same, and a ResourceQuota without room for one more pod", _quota_full),
        Scene("restricted", "namespace shop allows restricted pods only", _restricted),
        Scene("api-away", "deployment/web runs, and the API server answers its first 10 requests with 503", _api_away),
        Scene("expired-token", "the kubeconfig's token has expired", _expired_token),
        Scene("jenkins-restarting", "every third request to Jenkins gets a 503", _jenkins_restarting),
        Scene("login-page", "a proxy sends everybody who asks Jenkins to a login page", _login_page),
    )
}


def thing(api_version: str, kind: str, name: str, **fields: Any) -> dict[str, Any]:
    """An object of the scenes' namespace."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}} | fields


def workload(name: str, image: str) -> dict[str, Any]:
    """A Deployment of three replicas as people write it."""
    container = {
        "name": name,
        "image": image,
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2},
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": name}}, "template": template}
    return thing("apps/v1", "Deployment", name, spec=spec)


def service(name: str) -> dict[str, Any]:
    """Its Service."""
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return thing("v1", "Service", name, spec=spec)
