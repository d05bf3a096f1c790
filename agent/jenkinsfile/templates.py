"""The jinja environment, and where templates live.

Templates are found, nearest first: a team's own, beside the spec or beside a `headway.yaml` above it; then those that
come with Headway, `_templates` inside an installed wheel, `jenkinsfile_templates/` beside the package in a checkout
(docs/adr/0004). `headway/NAME` always means Headway's, so that a team's `service.Jenkinsfile.j2` can extend it.

What a template may do is closed: names are strict, `{{ }}` takes fragments only (agent.jenkinsfile.fragment), text is
joined by standing next to each other and in no other way, methods of values can't be called. A template is code of the
team that wrote it, and it is run by whoever renders all teams' specs.
"""

# pathlib takes five times as long over thousands of specs.
# ruff: noqa: PTH112, PTH113, PTH120

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import BlockReference, Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from agent.errors import UsageError
from agent.jenkinsfile import groovy
from agent.jenkinsfile.form import Blank, Outline, attributes
from agent.jenkinsfile.fragment import Fragment, check_source, script
from agent.spec.part import Part

SUFFIX = ".Jenkinsfile.j2"
_LINES = re.compile(r"\n(?!\n|\Z)")
FOLDER = "jenkinsfile_templates"
_FILTERS = (
    "default",
    "first",
    "items",
    "last",
    "length",
    "list",
    "rejectattr",
    "reverse",
    "selectattr",
    "sort",
    "trim",
    "unique",
)
_JOINS = (nodes.Concat, nodes.FilterBlock, nodes.EvalContextModifier)


def load(template: str, near: Path | None) -> jinja2.Template:
    """The template that `pipeline.template` names.

    Args:
        template: a name (`service`), or the path of a .j2 file relative to the spec's folder or to that of a
            headway.yaml above it.
        near: the spec's folder; None: only Headway's own templates are looked at.

    Raises:
        UsageError: there is none, it can't be read, or its syntax is wrong.
    """
    folders = () if near is None else _folders(os.path.realpath(near))
    try:
        if template.endswith(".j2"):
            for folder in folders:
                if (file := Path(folder, template)).is_file():
                    return _environment((file.parent.resolve(),)).get_template(file.name)
            return _environment(()).get_template(template)
        own = tuple(Path(folder, FOLDER) for folder in folders if os.path.isdir(f"{folder}/{FOLDER}"))
        return _environment(own).get_template(template + SUFFIX)
    except jinja2.TemplateNotFound as problem:
        looked = ", ".join(folders) or "Headway's own templates"
        raise UsageError(
            f"nothing was rendered: there is no template '{problem.name}' (looked in {looked})",
            hint="pipeline.template is a name, or the path of a .j2 file relative to the spec or a headway.yaml",
        ) from problem
    except jinja2.TemplateSyntaxError as problem:
        raise UsageError(
            f"nothing was rendered: template {problem.name or template}:{problem.lineno}: {problem.message}"
        ) from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"nothing was rendered: template '{template}' can't be read: {problem}") from problem


def is_headways(template: jinja2.Template) -> bool:
    """Whether it is one of Headway's own, and so is whatever it includes."""
    return isinstance(template.environment, _Environment) and not template.environment.own


def fill(template: jinja2.Template, facts: Mapping[str, object]) -> str:
    """The text of a template, with its spans still sealed.

    Raises:
        UsageError: the template asks for what is not there, or writes a value that is not escaped.
    """
    try:
        return template.render(facts)
    except jinja2.TemplateError as problem:
        missing = isinstance(problem, jinja2.TemplateNotFound)
        said = f"there is no template '{problem.message}'" if missing else problem.message or type(problem).__name__
        raise UsageError(f"nothing was rendered: template {_place(problem, template)}: {said}") from problem
    except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as problem:
        raise UsageError(f"nothing was rendered: template {_place(problem, template)}: {problem}") from problem


def shipped() -> Path:
    """The folder of Headway's own templates.

    Raises:
        UsageError: this installation has none.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / "_templates", package.parent / FOLDER):
        if place.is_dir():
            return place
    raise UsageError("nothing was rendered: this installation of Headway has no templates", hint="install it again")


def _folders(near: str) -> tuple[str, ...]:
    """The spec's folder and those above it, as far as a headway.yaml reaches."""
    chain = [near]
    while (above := os.path.dirname(chain[-1])) != chain[-1]:
        chain.append(above)
    reach = max((depth for depth, folder in enumerate(chain) if os.path.isfile(f"{folder}/headway.yaml")), default=0)
    return tuple(chain[: reach + 1])


@lru_cache(maxsize=64)
def _environment(own: tuple[Path, ...]) -> jinja2.Environment:
    ours = _Loader(shipped())
    environment = _Environment(
        loader=jinja2.ChoiceLoader(
            [*(_Loader(folder) for folder in own), jinja2.PrefixLoader({"headway": ours}), ours]
        ),
        undefined=jinja2.StrictUndefined,
        finalize=_only_fragments,
        autoescape=True,
        extensions=[ShellBlock],
        optimized=False,  # folding constants takes longer than it saves: most templates are run once
        auto_reload=False,  # nobody edits a template while it is used; jinja would ask the disk at every include
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.own = own
    environment.globals = {"namespace": environment.globals["namespace"], "range": environment.globals["range"]}
    environment.filters = {name: environment.filters[name] for name in _FILTERS} | {
        "groovy": lambda value: _literal(_known(value)),
        "comment": lambda value: Fragment.of("comment", "comment", _known(value)),
        "word": lambda value: Fragment.of("shell", "word", _known(value)),
        "filled": lambda value, placeholder, name: Fragment.of("shell", "filled", _known(value), placeholder, name),
        "time": lambda seconds: Fragment("groovy", groovy.time(_known(seconds))),
        "indent": _indent,
    }
    return environment


def _known(value: Any) -> Any:
    """The value, if there is one; an undefined one raises and says its name."""
    return str(value) if isinstance(value, jinja2.Undefined) else value


def _literal(value: Any) -> Fragment:
    if isinstance(value, str | Blank):
        return Fragment.of("groovy", "groovy", value)
    if not isinstance(value, tuple):
        return Fragment("groovy", groovy.literal(value))
    items = [_literal(item) for item in value]
    text = ", ".join(item.text for item in items)
    return Fragment("groovy", f"[{text}]", tuple(entry for item in items for entry in item.entries))


def _indent(text: str, width: int) -> Markup:
    """Moves the lines after the first; unlike jinja's own it takes a number only, for text would get in unescaped."""
    if not isinstance(text, Markup) or not isinstance(width, int):
        raise jinja2.exceptions.SecurityError(
            "`indent` moves what a macro or a set block wrote, by a number of columns"
        )
    return Markup(_LINES.sub("\n" + " " * width, text))  # noqa: S704  what was sealed stays sealed


class _Loader(jinja2.FileSystemLoader):
    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Any]:
        source, file, uptodate = super().get_source(environment, template)
        check_source(template, source)
        return source, file, uptodate


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja without the ways in which text could be put together unseen."""

    own: tuple[Path, ...] = ()
    """Folders of a team's templates that come before Headway's."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in tree.find_all(_JOINS):
            raise jinja2.TemplateSyntaxError(
                "`~`, filter and autoescape blocks join text unescaped; let fragments stand next to each other",
                node.lineno,
                name,
                filename,
            )
        return tree

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not (isinstance(left, int) and isinstance(right, int)):
            raise jinja2.exceptions.SecurityError(f"`{operator}` is for whole numbers, it does not join text")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        # The short way to what templates ask most and what is data only: parts of a spec, and what was made of them.
        if isinstance(obj, Outline):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if attribute in _open(obj.__class__):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        if type(obj) is Macro:  # what jinja's own way comes to, after ten questions
            return obj(context.eval_ctx, *args, **kwargs)
        return super().call(context, obj, *args, **kwargs)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, Part):
            return False  # its methods: what is open was found before
        return not isinstance(obj, str | Fragment | Blank) and super().is_safe_attribute(obj, attr, value)

    def is_safe_callable(self, obj: Any) -> bool:
        return (
            isinstance(obj, Macro | BlockReference)
            or any(obj is one for one in self.globals.values())
            or bool(getattr(obj, "headway_template", False))
        )


@cache
def _open(kind: type[Any]) -> frozenset[str]:
    """What a template may ask a part of a spec or another dataclass."""
    if issubclass(kind, Fragment | Blank):
        return frozenset()
    return frozenset(attributes(kind)) | ({"job"} if hasattr(kind, "job") else set())


class ShellBlock(Extension):
    """`{% sh %}docker push {{ image | word }}{% endsh %}`: the script as a Groovy string."""

    tags = {"sh"}  # noqa: RUF012  jinja's interface

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Keeps the line break after the block: it belongs to the statement that the block is part of."""
        del name, filename
        return source.replace("{% endsh %}", "{% endsh +%}")

    def parse(self, parser: Parser) -> nodes.Node:
        """The block as a call of `_script` with its body."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endsh",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_script"), [], [], body).set_lineno(line)

    def _script(self, caller: Macro) -> Markup:
        return Markup(script(str(caller())).__html__())  # noqa: S704  a sealed span


ShellBlock._script.headway_template = True  # type: ignore[attr-defined]  # noqa: SLF001


@jinja2.pass_context  # jinja would escape constants its own way before it asked, if it could ask at compile time
def _only_fragments(context: jinja2.runtime.Context, value: object) -> object:
    """What `{{ }}` accepts: fragments, and what macros made of them."""
    del context
    if isinstance(value, Markup | Fragment):
        return value
    _known(value)
    raise jinja2.exceptions.SecurityError(
        f"a plain {type(value).__name__} stands in {{{{ }}}}; write {{{{ x | groovy }}}}, or {{{{ x | word }}}} "
        "in a {% sh %} block"
    )


def _place(problem: BaseException, template: jinja2.Template) -> str:
    """Template and line where rendering stopped."""
    place = str(template.name)
    trace = problem.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(".j2"):
            place = f"{Path(file).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
