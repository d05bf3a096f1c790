"""The kinds of values that stand in a service.yaml: names, paths, URLs, durations, quantities.

Each kind is a type for the model, with its rule, its wording and its JSON Schema in one place. Sources of the rules:
Kubernetes' apimachinery validation (names, quantities), the OCI distribution reference grammar (images), Jenkins'
`Jenkins.checkGoodName` (jobs and folders), git-check-ref-format (branches).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any, TypeAlias

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from agent.spec.part import complaint

SHOWN = 60
_REMEMBERED = 256


def quoted(value: object) -> str:
    """A value as it stands in a message: in single quotes, escaped, cut to a readable length."""
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text) + "'"


@dataclass(frozen=True)
class Shape:
    """A kind of text: a pattern with its name in words.

    Attributes:
        what: the kind, with its article: "a DNS label".
        pattern: what the whole text must match; also goes into the JSON Schema, so only what ECMA 262 knows too.
        hint: what the right shape is, in words.
        limit: longest text, in characters.
        special: looks for well-known mistakes first and raises a better complaint, or returns.
    """

    what: str
    pattern: str
    hint: str
    limit: int = 253
    special: Callable[[str], None] | None = None

    @cached_property
    def _fits(self) -> Callable[[str], re.Match[str] | None]:
        return re.compile(self.pattern).fullmatch

    def check(self, text: str) -> str:
        """The text itself, when it has the shape.

        Raises:
            PydanticCustomError: it has not.
        """
        if not text.strip():
            raise complaint(f"expected {self.what}, found nothing", self.hint)
        if len(text) > self.limit:
            raise complaint(f"{quoted(text)} is {len(text)} characters long; {self.what} has {self.limit} at most")
        if self.special:
            self.special(text)
        if not self._fits(text):
            raise complaint(f"{quoted(text)} is not {self.what}", self.hint)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Text only; numbers and booleans are refused with our own words (agent.spec.wording)."""
        # Defaults give a thousand specs the same texts; what is right once is right again.
        check = lru_cache(maxsize=_REMEMBERED)(self.check)
        return core_schema.no_info_after_validator_function(check, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The same rule for editors, as far as a pattern can say it."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "minLength": 1, "maxLength": self.limit}


_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_ONE_LINE = r"[^\s](.*[^\s])?"


def _dns(text: str) -> None:
    near = re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")
    if near and near != text and re.fullmatch(_LABEL, near):
        raise complaint(
            f"{quoted(text)} is not a DNS label (a-z, 0-9 and -, as Kubernetes wants it)", f"for example {quoted(near)}"
        )


def _job_name(text: str) -> None:
    for char in "?*/\\%!@#$^&|<>[]:;":
        if char in text:
            raise complaint(f"{quoted(text)} has a {quoted(char)}, which Jenkins refuses in a name")
    if "{{" in text:
        raise complaint(
            f"{quoted(text)} is not filled in here", "placeholders stand only in headway.yaml; write the value itself"
        )
    if text.rstrip().endswith("."):
        raise complaint(f"{quoted(text)} ends with a full stop, which Jenkins refuses in a name")
    if len(text.encode()) > _JENKINS_BYTES:
        raise complaint(f"{quoted(text)} has {len(text.encode())} bytes; Jenkins' file system takes 255 at most")


def _folder(text: str) -> None:
    if text.startswith("/") or text.endswith("/"):
        raise complaint(f"{quoted(text)} begins or ends with a slash", f"write {quoted(text.strip('/'))}")
    for name in text.split("/"):
        if not name.strip():
            raise complaint(f"{quoted(text)} has an empty name in it")
        if not re.fullmatch(_ONE_LINE, name) or name in {".", ".."}:
            raise complaint(f"{quoted(name)} is not a name that Jenkins takes")
        _job_name(name)


def _repository(text: str) -> None:
    if "://" in text:
        raise complaint(
            f"{quoted(text)} has a scheme", f"an image repository has none: {quoted(text.split('://', 1)[1])}"
        )
    if "@" in text:
        raise complaint(f"{quoted(text)} has a digest", f"the repository alone: {quoted(text.split('@', 1)[0])}")
    last = text.rsplit("/", 1)[-1]
    if (":" in last and "/" in text) or re.search(r":.*[a-zA-Z]", last):
        cut = text.rsplit(":", 1)[0]
        raise complaint(f"{quoted(text)} has a tag; each build gives its own", f"the repository alone: {quoted(cut)}")
    path = text.split("/", 1)[-1]
    if path != path.lower():
        raise complaint(
            f"{quoted(text)} has capital letters, which no registry takes", f"did you mean {quoted(text.lower())}?"
        )


def _git(text: str) -> None:
    if re.match(r"https?://[^/]*@", text) or re.match(r"[a-z+]+://[^/@]*:[^/]*@", text):
        raise complaint(
            "the URL has a user or password in it, which would stand in every job and log",
            "put them into a Jenkins credential and name it in source.credentials",
            masked=True,
        )


def _web(text: str) -> None:
    if re.match(r"https?://[^/]*@", text):
        raise complaint("the URL has a user or password in it, which would stand in every report", masked=True)


def _path(text: str) -> None:
    if text.startswith(("/", "~")) or re.match(r"[A-Za-z]:[\\/]", text):
        raise complaint(
            f"{quoted(text)} is an absolute path, which is another one on every machine",
            "write it relative to the spec's folder",
        )
    if "\\" in text:
        raise complaint(f"{quoted(text)} has a backslash", "paths are written with '/'")


_JENKINS_BYTES = 255
_FOLDER = r"[^\s/?*\\%!@#$^&|<>\[\]:;]([^/?*\\%!@#$^&|<>\[\]:;]*[^\s/?*\\%!@#$^&|<>\[\]:;])?"
_HOST = r"[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?"
_IMAGE_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"({_HOST}/)?{_IMAGE_PART}(/{_IMAGE_PART})*"
_GIT_PATH = r"[^\s\\]+"
_REF = r"[^-/.\s~^:?*\[\\][^\s~^:?*\[\\]*"

Label: TypeAlias = Annotated[
    str, Shape("a DNS label", _LABEL, "a-z, 0-9 and -, beginning and ending with a letter or digit", 63, _dns)
]
Subdomain: TypeAlias = Annotated[
    str, Shape("a name that Kubernetes takes", rf"{_LABEL}(\.{_LABEL})*", "a-z, 0-9, - and ., for example web")
]
ResourceName: TypeAlias = Annotated[
    str,
    Shape(
        "a resource", r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?", "cpu, memory ..."
    ),
]
Team: TypeAlias = Annotated[
    str, Shape("a team's name", r"[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?", "letters, digits, -, _ and .", 63)
]
Title: TypeAlias = Annotated[
    str, Shape("a name on one line", _ONE_LINE, "no spaces at the ends, no line breaks, 100 characters at most", 100)
]
Text: TypeAlias = Annotated[str, Shape("text", r"[\s\S]+", "", 4000)]
Command: TypeAlias = Annotated[str, Shape("a shell command", r"[\s\S]*\S[\s\S]*", "for example make test", 20_000)]
CredentialId: TypeAlias = Annotated[
    str,
    Shape(
        "the id of a Jenkins credential",
        r"[A-Za-z0-9_.][A-Za-z0-9_.-]*",
        "letters, digits, -, _ and .; never the secret",
    ),
]
JobName: TypeAlias = Annotated[
    str,
    Shape(
        "a name that Jenkins takes",
        r"(?!.*\{\{)[^\s?*/\\%!@#$^&|<>\[\]:;]([^?*/\\%!@#$^&|<>\[\]:;]*[^\s.?*/\\%!@#$^&|<>\[\]:;])?",
        "",
        255,
        _job_name,
    ),
]
FolderPath: TypeAlias = Annotated[
    str,
    Shape(
        "a path of Jenkins folders",
        rf"(?!.*\{{\{{|(.*/)?\.\.?(/|$)){_FOLDER}(/{_FOLDER})*",
        "for example shop/payments",
        1000,
        _folder,
    ),
]
Repository: TypeAlias = Annotated[
    str, Shape("an image repository", _REPOSITORY, "for example registry.example.com/shop/web", 255, _repository)
]
ImageReference: TypeAlias = Annotated[
    str,
    Shape(
        "an image",
        rf"{_REPOSITORY}(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?",
        "for example golang:1.26",
        400,
    ),
]
GitUrl: TypeAlias = Annotated[
    str,
    Shape(
        "a git URL",
        rf"https?://[^\s/@\\]+/{_GIT_PATH}|(ssh|git)://[^-\s/\\][^\s/\\]*/{_GIT_PATH}|file:///{_GIT_PATH}|[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:{_GIT_PATH}",
        "https://HOST/PATH.git, ssh://git@HOST/PATH.git or git@HOST:PATH.git",
        2000,
        _git,
    ),
]
WebUrl: TypeAlias = Annotated[
    str,
    Shape(
        "a URL", r"https?://[A-Za-z0-9\[][^\s/?#@\\]*(/[^\s?#\\]*)?", "https://HOST/PATH, without ? and #", 2000, _web
    ),
]
Branch: TypeAlias = Annotated[str, Shape("a branch", _REF, "for example main", 250)]
BranchPattern: TypeAlias = Annotated[
    str,
    Shape("a branch or a pattern of branches", r"[^-/.\s~^:\[\\][^\s~^:\[\\]*", "for example main or release/*", 250),
]
Path: TypeAlias = Annotated[
    str, Shape("a path", r"[^-/~\s\\]([^\\]*[^\s\\])?", "relative to the spec's folder", 500, _path)
]
HttpPath: TypeAlias = Annotated[
    str,
    Shape(
        "a path of a URL", r"/([!-.0-~][!-~]*)?", "it begins with one / and has no spaces, for example /healthz", 2000
    ),
]
EnvName: TypeAlias = Annotated[
    str,
    Shape("a name of an environment variable", r"[A-Za-z_][A-Za-z0-9_]*", "letters, digits and _, no digit first", 253),
]
ConfigKey: TypeAlias = Annotated[
    str, Shape("a key of a ConfigMap or Secret", r"[-._A-Za-z0-9]+", "letters, digits, -, _ and .", 253)
]
Context: TypeAlias = Annotated[
    str, Shape("a kubeconfig context", r"[^-\s](.*[^\s])?", "as `kubectl config get-contexts` prints it", 253)
]
Submitter: TypeAlias = Annotated[
    str, Shape("a Jenkins user or group", r"[^\s,]([^,]*[^\s,])?", "one per item, without commas", 253)
]
Template: TypeAlias = Annotated[
    str,
    Shape(
        "a template",
        r"[A-Za-z0-9_][A-Za-z0-9_-]*|(\.\./|\./|[A-Za-z0-9_][A-Za-z0-9_. -]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*\.j2",
        "a name (service) or the path of a .j2 file",
        500,
    ),
]
AgentLabel: TypeAlias = Annotated[
    str, Shape("a label expression of Jenkins agents", _ONE_LINE, "for example docker && linux", 250)
]
VersionPin: TypeAlias = Annotated[str, Shape("a version", r"[A-Za-z0-9][A-Za-z0-9._+/-]*", "for example 1.4.2", 100)]
Owner: TypeAlias = Annotated[
    str, Shape("an owner", r"[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?", "for example shop/platform-specs", 200)
]
String: TypeAlias = Annotated[str, Field(strict=True, max_length=100_000)]
