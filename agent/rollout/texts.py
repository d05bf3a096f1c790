"""What the messages of kubelets, runtimes, registries and admission mean: permanent, a matter of patience, or noise.

The texts of containerd, CRI-O and dockerd differ, and so do those of registries; what is matched here is what they have
in common. Names of images and URLs are taken out first: a tag may be called `timeout-503`. Where a text says both,
the transient reading wins: a needless wait costs a minute, a needless undo costs a release.
"""

from __future__ import annotations

import re
from enum import Enum


class Meaning(Enum):
    """What a message says about trying again."""

    PERMANENT = "permanent"  # only a new spec or image can mend it
    REFERENCE = "reference"  # something is not there that somebody may still make
    QUOTA = "quota"
    REGISTRY = "registry"  # a registry or the way to it, or nobody knows what: it has earned its retries
    NOISE = "noise"  # the machinery's own hiccup: never a reason by itself


def any_of(*parts: str) -> re.Pattern[str]:
    """One pattern out of several, whatever the case."""
    return re.compile("|".join(parts), re.IGNORECASE)


_QUOTED = re.compile(r"\"[^\"]*\"|(?<!\w)'[^']*'|`[^`]*`|\bhttps?://\S+|\bdocker://\S+")
_LIMITS_ITSELF = any_of(r"pull QPS exceeded")  # the kubelet's registryPullQPS: it never asked the registry
_SAYS_NOTHING = any_of(
    r"^\s*$", r"^Back-off pulling image[\s:]*$", r"^Error: (ErrImagePull|ImagePullBackOff)$", r"pull QPS exceeded"
)

_REGISTRY_AWAY = any_of(
    r"\b(?:status|code|response|http)\b[^\n]{0,60}?\b(?:429|5\d\d)\b",
    r"\b(?:429 too many|5\d\d (?:internal|bad gateway|service|gateway|server|proxy|web server|origin|unknown))",
    r"too ?many ?requests|rate ?limit|quota exceeded|throttl",
    r"time[d ]*-?out|deadline ?exceeded|request canceled|context canceled",
    r"connection (?:refused|reset|closed|timed)|broken pipe|refused the connection|actively refused",
    r"no such host|server misbehaving|temporary failure in name|name resolution|lookup .* on .*:53|dial (?:tcp|udp)",
    r"no route to host|network is (?:unreachable|down)|host is (?:unreachable|down)|proxyconnect",
    r"\bEOF\b|unexpected end of|short read|stream error|http2:|goaway|failed to copy",
    r"tls(?::|  ?handshake)|x509:|certificate|server gave HTTP response to HTTPS client",
    r"\bunavailable\b|service is down|bad gateway|internal (?:server )?error|try again",
    r"no space left|input/output error|read-only file system|too many open files|resource temporarily",
    r"failed to (?:reserve|acquire)|operation already in progress",
    r"failed to (?:unpack image on|extract layer)|content digest \S+ not found|failed to register layer",
)
_IMAGE_GONE = any_of(
    r"not ?found|manifest unknown|name unknown|unknown (?:manifest|blob|repository)|does not exist|\b404\b",
    r"no such (?:image|manifest)|repository name not known|not known to registry|no image found in",
    r"no matching manifest|no match for platform|unsupported (?:media type|manifest|schema)",
    r"\b40[13]\b|unauthori[sz]ed|not authorized|authentication required|authorization failed|insufficient_scope",
    r"\bdenied\b|\bforbidden\b|no basic auth credentials|incorrect username or password",
    r"invalid reference format|could ?n.t parse image|did not resolve to an alias",
    r"signature|source image rejected|policy requirement",
)
_IMAGE_NAME = any_of(r"invalid reference format|could ?n.t parse image|InvalidImageName|must be lowercase")

_CACHE = any_of(
    r"failed to sync \S+ cache", r"not registered", r"timed out waiting for the condition", r"time[d ]*-?out"
)
_MISSING = any_of(
    r"\b(?:secret|config ?map|persistentvolumeclaim|persistentvolume|service ?account)s?\b.*not found",
    r"could ?n.t find key|references? non-?existent|non-existent (?:secret|config)|key .* (?:not found|does not exist)",
    r"hostPath type check failed|special device .* does not exist|bound to non-existent",
)
_DRIVER = any_of(r"not found in the list of registered CSI drivers", r"driver name .* not found", r"rpc error: code")
_RUN_AS = any_of(r"runAsNonRoot|non-numeric user|non-root policy")
_SPEC_ONLY = any_of(
    r"runAsNonRoot|non-numeric user|non-root policy|run as root|invalid (?:capability|argument|value)",
    r"must be|is not allowed|unknown capability|privileged",
)

_COMMAND = any_of(
    r"executable file .*not found",
    r"\bexec(?:ve)?\b[^\n]*(?:no such file|not found|permission denied|is a directory|not a directory)",
    r"exec format error",
    r"cannot find the file specified",
    r"no command specified",
    r"chdir to cwd[^\n]*(?:no such file|permission denied|not a directory)",
    r"unable to find (?:user|group)|no matching entries in passwd",
    r"mount a directory onto a file",
)
_MACHINE = any_of(
    r"time[d ]*-?out|deadline ?exceeded|is reserved for|already in use|no space left|too many open files|cgroup|"
    r"resource temporarily|device or resource busy|read-only file system|connection refused|transport is closing|"
    r"unavailable|ttrpc|shim (?:not|exited|disconnected)|cannot allocate memory|input/output error|systemd"
)

_WEBHOOK_AWAY = any_of(
    r"failed calling webhook",
    r"failed to call webhook",
    r"conversion webhook for",
    r"no endpoints available",
)
_SERVER_AWAY = any_of(
    r"not yet ready to handle request|etcdserver|leader changed|request timed out|time[d ]*-?out|deadline ?exceeded",
    r"connection (?:refused|reset)|dial tcp|internal error occurred|currently unable to handle|too ?many ?requests",
    r"the object has been modified|already exists|server is shutting down|\bEOF\b|http2:|context canceled",
    r"client rate limiter|unable to (?:read|parse) quota|status unknown for quota",
)
_QUOTA_FULL = any_of(r"exceeded quota", r"insufficient quota", r"status unknown for quota")
_NO_ACCOUNT = any_of(
    r"service ?account \S+ not found|error looking up service account|no PriorityClass with name|"
    r"priorityclass\S* .*not found|runtimeclass\S* .*not found|no such runtime ?class"
)
_REFUSED = any_of(
    r"is forbidden|denied|is invalid|violates|not allowed|rejected|unauthori[sz]ed|admission|must specify",
    r"maximum|minimum|prohibited|disallowed|unsupported value|invalid value",
)


def says_why(message: str) -> bool:
    """Whether a waiting message names a cause at all (`Back-off pulling image` alone doesn't)."""
    return not _SAYS_NOTHING.search(plain(message))


def plain(message: str, *names: str) -> str:
    """The message without quoted strings, URLs and the names given: what is left was said by software."""
    for name in names:
        if name:
            message = message.replace(name, " ")
    return _QUOTED.sub(" ", message)


def image(reason: str, message: str, name: str) -> Meaning:
    """What a failed pull means."""
    if reason in {"InvalidImageName", "ErrImageNeverPull", "SignatureValidationFailed"}:
        return Meaning.PERMANENT
    if reason == "RegistryUnavailable":
        return Meaning.REGISTRY
    said = plain(message, name, name.partition("@")[0], name.rpartition(":")[0])
    if _LIMITS_ITSELF.search(said):
        return Meaning.NOISE
    if _REGISTRY_AWAY.search(said):
        return Meaning.REGISTRY
    return Meaning.PERMANENT if _IMAGE_GONE.search(said) else Meaning.REGISTRY


def is_image_name(reason: str, message: str) -> bool:
    """Whether the name itself can't be one."""
    return reason == "InvalidImageName" or bool(_IMAGE_NAME.search(message))


def ran_out_of_memory(message: str) -> bool:
    """Whether a container was killed before it began, because its limit is too low for its own start."""
    return "oom-killed" in message.lower()


def config(message: str) -> Meaning:
    """What a CreateContainerConfigError means (P19)."""
    if _CACHE.search(message):
        return Meaning.NOISE
    if _MISSING.search(message):
        return Meaning.REFERENCE
    if _SPEC_ONLY.search(message):
        return Meaning.PERMANENT
    return Meaning.REFERENCE


def is_config(message: str) -> bool:
    """Whether an event's text is about the container's configuration (it may come before the status does)."""
    return bool(_CACHE.search(message) or _MISSING.search(message) or _RUN_AS.search(message))


def mount(message: str) -> Meaning:
    """What a FailedMount event means: only what is named as missing counts, storage has its own hiccups."""
    if _CACHE.search(message) or _DRIVER.search(message):
        return Meaning.NOISE
    return Meaning.REFERENCE if _MISSING.search(message) else Meaning.NOISE


def run(message: str) -> Meaning:
    """What a failed start of a container means: the command is not in the image, the machine hiccups, or unclear."""
    if _MACHINE.search(plain(message)) and not _COMMAND.search(message):
        return Meaning.NOISE
    return Meaning.PERMANENT if _COMMAND.search(message) else Meaning.REGISTRY


def refusal(message: str) -> Meaning:
    """What a refused creation of a pod means (P22, P23)."""
    said = plain(message)
    if _WEBHOOK_AWAY.search(said):
        return Meaning.NOISE
    if _QUOTA_FULL.search(said):
        return Meaning.QUOTA
    if _NO_ACCOUNT.search(message) or _NO_ACCOUNT.search(said):
        return Meaning.REFERENCE
    if _SERVER_AWAY.search(said) and not _denied(said):
        return Meaning.NOISE
    return Meaning.PERMANENT if _REFUSED.search(said) else Meaning.NOISE


def _denied(said: str) -> bool:
    return bool(
        re.search(
            r"denied (?:the )?request|violates PodSecurity|(?:maximum|minimum) \S+ usage per", said, re.IGNORECASE
        )
    )
