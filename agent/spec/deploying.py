"""The parts of a spec that a deploy needs: manifests or `run`, undo, patience, smoke checks."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, JsonValue, Tag, model_validator

from agent.spec.measures import Duration, Patience, Port, PortNumber, Quantity, amount
from agent.spec.part import Part, complaint
from agent.spec.values import (
    Command,
    ConfigKey,
    EnvName,
    HttpPath,
    Label,
    Path,
    ResourceName,
    String,
    Subdomain,
    Title,
)

Cause: TypeAlias = Literal["rollout-failed", "smoke-failed"]
Watched: TypeAlias = Literal["config"]


class BeforeCommand(Part):
    """A command that is awaited before a deploy."""

    run: Command = Field(
        description="Shell command, run as a Job in the release's image, as the container would; status 0 is a pass."
    )


Before: TypeAlias = Annotated[
    Annotated[Path, Tag("<path>")] | Annotated[BeforeCommand, Tag("<command>")],
    Discriminator(lambda value: "<command>" if isinstance(value, dict | BeforeCommand) else "<path>"),
]


class Undo(Part):
    """When and how a deploy is taken back."""

    when: tuple[Cause, ...] = Field(
        ("rollout-failed", "smoke-failed"), description="What causes an undo; rollout-failed includes timed-out."
    )
    on_abort: Literal["undo", "leave"] = Field("undo", description="What `headway recover` does after an abort.")
    first: Literal["scale-to-zero", "delete", "leave"] = Field(
        "scale-to-zero", description="What becomes of what a first release created, when it fails."
    )
    stuck_pods: Literal["report", "delete"] = Field(
        "report", description="What becomes of a StatefulSet's broken pod that stops an undo; one at a time."
    )
    then: Literal["nothing", "freeze"] = Field("nothing", description="What follows an undo.")
    database_migrations: Literal["none", "backward-compatible", "one-way"] = Field(
        "none", description="What a release does to a database; one-way: undo is refused."
    )


class PatienceLimits(Part):
    """How long a cause that may pass is borne before the verdict is failed."""

    registry: Patience = Field(60.0, description="A registry that errs or can't be reached.")
    reference: Patience = Field(30.0, description="A ConfigMap, Secret, key ... that is not there.")
    quota: Patience = Field(60.0, description="A ResourceQuota that is used up.")
    unschedulable: Patience = Field(60.0, description="No node that a pod fits on.")


class Deploy(Part):
    """What is applied and how it is judged."""

    manifests: tuple[Path, ...] = Field((), description="Manifest files or globs, relative to the spec's folder.")
    deployment: Subdomain = Field(
        "", description="Workload that is followed: Deployment, StatefulSet or DaemonSet; default: the service's name."
    )
    container: Label = Field("", description="Container that is watched and smoke-tested; default: the only one.")
    before: tuple[Before, ...] = Field(
        (), description="Jobs (files), or commands run as a Job in the image, awaited before any workload is touched."
    )
    restart_on: tuple[Watched, ...] = Field((), description="What restarts the pods when it changes.")
    prune: Literal["report", "delete", "leave"] = Field(
        "report", description="What becomes of objects that we created and no manifest names any more."
    )
    timeout: Duration = Field(600.0, description="Limit of a rollout.")
    soak: Patience = Field(
        0.0, description="How long a release is watched after its smoke checks, and asked again, before it is good."
    )
    lock: Literal["wait", "refuse", "supersede"] = Field(
        "wait", description="Where another deploy of it is under way; supersede: an older build's gives way."
    )
    undo: Undo = Field(Undo(), description="When and how a deploy is taken back.")
    patience: PatienceLimits = Field(PatienceLimits(), description="How long passing causes are borne.")


class SecretValue(Part):
    """An environment variable from a Secret."""

    secret: Subdomain = Field(description="Name of the Secret.")
    key: ConfigKey = Field(description="Key in it.")


class ConfigValue(Part):
    """An environment variable from a ConfigMap."""

    config: Subdomain = Field(description="Name of the ConfigMap.")
    key: ConfigKey = Field(description="Key in it.")


def _env_kind(value: Any) -> str:
    if isinstance(value, dict):
        return "<config>" if "config" in value and "secret" not in value else "<secret>"
    if isinstance(value, SecretValue):
        return "<secret>"
    return "<config>" if isinstance(value, ConfigValue) else "<text>"


EnvValue: TypeAlias = Annotated[
    Annotated[String, Tag("<text>")]
    | Annotated[SecretValue, Tag("<secret>")]
    | Annotated[ConfigValue, Tag("<config>")],
    Discriminator(_env_kind),
]


class EnvFrom(Part):
    """All keys of a ConfigMap or Secret as environment variables."""

    config: Subdomain = Field("", description="Name of the ConfigMap.")
    secret: Subdomain = Field("", description="Name of the Secret.")

    @model_validator(mode="after")
    def _one(self) -> EnvFrom:
        if bool(self.config) == bool(self.secret):
            raise complaint("expected either 'config' or 'secret'", "for example {config: web-settings}")
        return self


class Resources(Part):
    """Requests and limits of the container."""

    requests: dict[ResourceName, Quantity] = Field(default_factory=dict, description="What is set aside for it.")
    limits: dict[ResourceName, Quantity] = Field(default_factory=dict, description="What it may use at most.")

    @model_validator(mode="after")
    def _order(self) -> Resources:
        for name, limit in self.limits.items():
            wanted = self.requests.get(name)
            if wanted is not None and amount(wanted) > amount(limit):
                raise complaint(f"the {name} request {wanted} is more than the limit {limit}", at=("requests", name))
        for field, quantities in (("requests", self.requests), ("limits", self.limits)):
            memory = quantities.get("memory", "")
            if memory.endswith("m"):
                raise complaint(
                    f"'{memory}' of memory are {memory[:-1]} thousandths of a byte",
                    f"did you mean '{memory[:-1]}Mi'?",
                    at=(field, "memory"),
                )
        return self


class Probes(Part):
    """HTTP paths that the kubelet asks."""

    readiness: HttpPath = Field("", description="Ready for traffic?", examples=["/healthz"])
    liveness: HttpPath = Field("", description="Alive, or to be restarted?")


class Autoscale(Part):
    """A HorizontalPodAutoscaler."""

    min: Annotated[int, Field(strict=True, ge=1, le=10_000)] = Field(1, description="Fewest replicas.")
    max: Annotated[int, Field(strict=True, ge=1, le=10_000)] = Field(description="Most replicas.")
    cpu: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(80, description="Wanted CPU use, % of the request.")

    @model_validator(mode="after")
    def _order(self) -> Autoscale:
        if self.min > self.max:
            raise complaint(f"min {self.min} is more than max {self.max}", at=("min",))
        return self


class Run(Part):
    """A Deployment and a Service without manifests: what a small service needs, and nothing more."""

    replicas: Annotated[int, Field(strict=True, ge=0, le=10_000)] = Field(1, description="Pods; `autoscale` wins.")
    port: PortNumber | None = Field(None, description="Port that the container serves HTTP on; none: no Service.")
    env: dict[EnvName, EnvValue] = Field(default_factory=dict, description="Environment variables.")
    env_from: tuple[EnvFrom, ...] = Field((), description="ConfigMaps and Secrets whose keys become variables.")
    service_account: Subdomain = Field("", description="ServiceAccount of the pods.")
    resources: Resources = Field(Resources(), description="Requests and limits.")
    probes: Probes = Field(Probes(), description="HTTP probes.")
    autoscale: Autoscale | None = Field(None, description="Scaling between two bounds.")

    @model_validator(mode="after")
    def _needs(self) -> Run:
        if self.autoscale and "cpu" not in self.resources.requests:
            raise complaint(
                "'autoscale' goes by the CPU request, and there is none",
                "add 'resources: {requests: {cpu: 100m}}'",
                at=("autoscale",),
                key=True,
            )
        if self.port is None and (self.probes.readiness or self.probes.liveness):
            raise complaint("'probes' ask a port, and there is none", "add 'port: 8080'", at=("probes",), key=True)
        return self


class Expect(Part):
    """What a good answer looks like."""

    status: Annotated[int, Field(strict=True, ge=100, le=599)] = Field(200, description="HTTP status.")
    json_: JsonValue = Field(
        None, alias="json", description="What the JSON answer must contain; objects may have more keys."
    )


class SmokeCheck(Part):
    """One question to the new release; exactly one of `get` and `run`."""

    name: Title = Field(description="What is checked; each name once.")
    get: HttpPath = Field("", description="HTTP path that is asked.")
    via: Literal["pod", "service", "url"] = Field(
        "pod", description="Each pod of the new revision, the Service, or the environment's url."
    )
    port: Port | None = Field(None, description="Number or name; default: the only one.")
    expect: Expect = Field(Expect(), description="What a good answer looks like.")
    run: Command = Field("", description="Shell command with URL, VERSION and NAMESPACE; exit status 0 is a pass.")
    within: Duration = Field(60.0, description="How long it may take to pass.")

    @model_validator(mode="after")
    def _one_question(self) -> SmokeCheck:
        if self.get and self.run:
            raise complaint(
                "a smoke check has one of 'get' and 'run', not both", "make two checks of it", at=("run",), key=True
            )
        if not self.get and not self.run:
            raise complaint("a smoke check asks something", "add 'get: /healthz' or 'run: ./smoke.sh'", at=("name",))
        for field in ("via", "port", "expect"):
            if self.run and field in self.model_fields_set:
                raise complaint(f"'{field}' belongs to 'get', and this check has 'run'", at=(field,), key=True)
        if self.via == "url" and self.port is not None:
            raise complaint("'port' has no meaning with 'via: url': the url has its own", at=("port",), key=True)
        return self
