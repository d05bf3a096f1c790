"""A team's own template: found where it belongs, and unable to let a value become code."""

from __future__ import annotations

import pytest

from agent.errors import UsageError
from agent.jenkinsfile.fragment import Fragment, assemble
from agent.jenkinsfile.groovy import plain
from agent.jenkinsfile.render import render
from tests.unit.jenkinsfile.shapes import changed, spec

BASE = spec(
    "service: web\nteam: it\nsource: {git: 'https://h/p'}\nimage: {repository: r}\ntest: [{name: t, run: make}]\n"
)


@pytest.fixture
def own(tmp_path):
    """Renders a template of that text as the team's own."""

    def call(text: str, one=BASE, **files: str) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))  # jinja may keep a template that it has read
        folder.mkdir()
        (folder / "t.j2").write_text(text, encoding="utf-8")
        for name, content in files.items():
            (folder / f"{name}.j2").write_text(content, encoding="utf-8")
        return render(changed(one, pipeline=changed(one.pipeline, template="t.j2")), near=folder)

    return call


def test_values_are_written_as_literals(own):
    assert own("x({{ spec.service | groovy }}, {{ 5 | groovy }}, {{ multibranch | groovy }})") == "x('web', 5, false)"
    assert own("{{ spec.pipeline.timeout | time }}") == "time: 1, unit: 'HOURS'"
    assert own("// {{ spec.team | comment }}\n") == "// it\n"


def test_a_script_is_put_together_from_words(own):
    assert own('sh {% sh %}run {{ spec.service | word }} "$X"{% endsh %}\n') == "sh 'run web \"$X\"'\n"


def test_a_script_of_several_lines_is_indented_like_its_statement(own):
    text = "  sh {% sh %}\n      one {{ spec.service | word }}\n\n        two\n      {% endsh %}\n"
    assert own(text) == "  sh '''\n    one web\n\n      two\n  '''\n"


def test_a_word_of_several_lines_keeps_its_own(own):
    one = changed(BASE, team="a\n   b")
    assert (
        own("  sh {% sh %}\n   echo {{ spec.team | word }}\n{% endsh %}\n", one) == "  sh '''   echo 'a\n   b'\n'''\n"
    )


PLAIN = "a plain str stands in {{ }}"
QUOTED = "a value for groovy stands after"
CLOSED = "nothing was rendered: template t.j2"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("x({{ spec.service }})", PLAIN),
        ("x({{ 'text' }})", PLAIN),
        ("x({{ spec.service | default('x') }})", PLAIN),
        ("{% for test in spec.test %}{{ test.run }}{% endfor %}", PLAIN),
        ("{% macro m(x) %}{{ x }}{% endmacro %}{{ m(spec.service) }}", PLAIN),
        ("{{ spec.test }}", "a plain tuple"),
        ("{{ 5 }}", "a plain int"),
        ("x('{{ spec.service | groovy }}')", QUOTED + " '"),
        ('x("{{ spec.service | groovy }}")', QUOTED + ' "'),
        ('x("${ {{ spec.service | groovy }} }")', QUOTED + ' "'),
        ("x('''{{ spec.service | groovy }}''')", QUOTED + " '''"),
        ('x("""{{ spec.service | groovy }}""")', QUOTED + ' """'),
        ("x('it\\'s {{ spec.service | groovy }}')", QUOTED),
        ("// {{ spec.service | groovy }}", QUOTED + " //"),
        ("/* {{ spec.service | groovy }} */", QUOTED + " /*"),
        ("x = /a{{ spec.service | groovy }}/", "after a '/' outside strings"),
        ("x({{ spec.service | comment }})", "a value for comment stands in Groovy code"),
        ("x({{ spec.service | word }})", "a value for shell stands in Groovy code"),
        ("{% sh %}x {{ spec.service | groovy }}{% endsh %}", "a value for groovy stands in a {% sh %} block"),
        ("{% sh %}x '{{ spec.service | word }}'{% endsh %}", "a value for shell stands after '"),
        ('{% sh %}x "{{ spec.service | word }}"{% endsh %}', 'a value for shell stands after "'),
        ("{% sh %}x `{{ spec.service | word }}`{% endsh %}", "a value for shell stands after `"),
        ("{% sh %}x # {{ spec.service | word }}{% endsh %}", "a value for shell stands after #"),
        ("{% sh %}cat <<E\n{{ spec.service | word }}\nE\n{% endsh %}", "a value for shell stands after <<"),
        ("{% sh %}'\\' {{ spec.service | word }}'{% endsh %}", ""),
        ("x('{% sh %}a{% endsh %}')", "a value for script stands after '"),
        ("{{ spec.service ~ 'x' | groovy }}", "join text unescaped"),
        ("{{ spec.service + 'x' }}", "is for whole numbers"),
        ("{{ '%s' % spec.service }}", "is for whole numbers"),
        ("{{ 'x' * 5 }}", "is for whole numbers"),
        ("{{ spec.service | safe }}", "No filter named 'safe'"),
        ("{{ spec.service | e }}", "No filter named 'e'"),
        ("{{ spec.service | escape }}", "No filter named"),
        ("{{ spec.service | tojson }}", "No filter named"),
        ("{{ spec.test | map('upper') | join }}", "No filter named"),
        ("{% filter upper %}{{ spec.service | groovy }}{% endfilter %}", "join text unescaped"),
        ("{% autoescape false %}{{ spec.service | groovy }}{% endautoescape %}", "join text unescaped"),
        ("{{ spec.service.upper() }}", CLOSED),
        ("{{ spec.service.format(x=1) }}", CLOSED),
        ("{% set m %}{{ spec.service | groovy }}{% endset %}{{ m.join(['a']) }}", CLOSED),
        ("{% set m %}{{ spec.service | groovy }}{% endset %}{{ m.replace('a', 'b') }}", CLOSED),
        ("{{ (spec.service | groovy).text }}", CLOSED),
        ("{{ spec.model_dump_json() }}", CLOSED),
        ("{{ spec.parse_file('/etc/passwd') }}", CLOSED),
        ("{{ spec.parse_raw('x', content_type='pickle', allow_pickle=true) }}", CLOSED),
        ("{{ spec.__class__ }}", CLOSED),
        ("{{ spec.for_environment('x') }}", CLOSED),
        ("{{ ''.__class__.__mro__ }}", CLOSED),
        ("{{ lipsum() }}", "is undefined"),
        ("{{ cycler.__init__.__globals__ }}", CLOSED),
        ("{% set m %}\n{% endset %}{{ m | indent(spec.service) }}", "by a number of columns"),
        ("{{ spec.service | indent(2) }}", "what a macro or a set block wrote"),
        ("{% set m %}{{ spec.service | groovy }}{% endset %}{{ m[3:] }}", "into pieces"),
        ("{% set m %}{{ spec.service | groovy }}{% endset %}{{ m | first }}", PLAIN),
        ("{{ nothing | groovy }}", "'nothing' is undefined"),
        ("{{ nothing }}", "'nothing' is undefined"),
        ("{{ spec.nothing | groovy }}", CLOSED),
        ("{% if %}", "Expected an expression"),
        ("{% sh %}", "end"),
        ("{{ spec.build.args.items() }}", CLOSED),
        ("{% for i in range(10000000) %}x{% endfor %}", "Range too big"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
        ("{% include '../../../../etc/passwd' %}", "there is no template"),
        ("{% include '/etc/passwd' %}", "there is no template"),
        ("\ue000groovy:2f\ue001", "private characters"),
    ],
)  # fmt: skip
def test_what_could_let_a_value_become_code_is_refused(own, template, says):
    one = changed(BASE, service="'; sh 'rm -rf /' //\n")
    if not says:  # the shell's single quotes know no backslash, so the word stands outside of any: it is fine there
        assert own(template, one)
        return
    with pytest.raises(UsageError) as refused:
        own(template, one)
    assert says in refused.value.message
    assert refused.value.message.startswith("nothing was rendered: ")
    assert "rm -rf" not in refused.value.message


@pytest.mark.parametrize(
    ("template", "line"),
    [("a\nb\n{{ spec.service }}", 3), ("{% if x %}\n{{ nothing }}{% endif %}", 1), ("\n{% for %}", 2)],
)
def test_a_mistake_is_shown_with_its_line(own, template, line):
    with pytest.raises(UsageError, match=rf"template t\.j2:{line}: "):
        own(template)


def test_a_constant_that_looks_like_a_span_is_still_a_plain_text(own):
    with pytest.raises(UsageError):
        own("{{ '\\ue000groovy:2f2f\\ue001' }}")


def test_a_value_that_looks_like_a_span_is_a_value(own):
    assert (
        own("x({{ spec.team | groovy }})", changed(BASE, team="\ue000groovy:2f2f\ue001"))
        == "x('\\ue000groovy:2f2f\\ue001')"
    )


def test_a_comment_stays_one():
    hostile = "x\nsh 'a'\r\\u000ash 'b'\u2028\x85"
    assert assemble(f"// {Fragment('comment', plain(hostile)).__html__()}\n").filled_in(()) == (
        "// x?sh 'a'??u000ash 'b'??\n"
    )


def test_macros_includes_and_inheritance_work(own):
    assert own("{% macro m(x) %}{{ x | groovy }}{% endmacro %}{{ m(spec.service) }}") == "'web'"
    assert own("{% include 'other.j2' %}", other="{{ spec.service | groovy }}") == "'web'"
    assert (
        own("{% extends 'other.j2' %}{% block a %}{{ super() }}2{% endblock %}", other="{% block a %}1{% endblock %}")
        == "12"
    )
    assert (
        own(
            "{% set ns = namespace(n=1) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n|groovy }}"
        )
        == "4"
    )


def test_headways_own_template_can_be_extended(own):
    text = own("{% extends 'headway/service.Jenkinsfile.j2' %}{% block post %}\n  post {\n  }\n{% endblock %}")
    assert text.endswith("  }\n  post {\n  }\n}\n")


def test_a_name_is_looked_for_beside_the_spec_and_beside_every_headway_yaml_above(tmp_path):
    team, deep = tmp_path / "team", tmp_path / "team" / "services" / "web"
    deep.mkdir(parents=True)
    one = changed(BASE, pipeline=changed(BASE.pipeline, template="mine"))
    with pytest.raises(UsageError, match=r"there is no template 'mine\.Jenkinsfile\.j2'"):
        render(one, near=deep)
    (team / "jenkinsfile_templates").mkdir()
    (team / "jenkinsfile_templates" / "mine.Jenkinsfile.j2").write_text("team")
    with pytest.raises(UsageError, match="there is no template"):
        render(one, near=deep)  # nothing says that the folder belongs to the spec
    (team / "headway.yaml").touch()
    assert render(one, near=deep) == "team"
    (deep / "jenkinsfile_templates").mkdir()
    (deep / "jenkinsfile_templates" / "mine.Jenkinsfile.j2").write_text("deep")
    assert render(one, near=deep) == "deep"


def test_a_teams_template_of_the_same_name_wins_and_can_extend_ours(tmp_path):
    folder = tmp_path / "jenkinsfile_templates"
    folder.mkdir()
    (folder / "service.Jenkinsfile.j2").write_text(
        "{% extends 'headway/service.Jenkinsfile.j2' %}{% block build %}{% endblock %}"
    )
    assert "stage('Build')" not in render(BASE, near=tmp_path)
    assert "stage('Build')" in render(BASE)


def test_a_template_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "t.j2").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="can't be read"):
        render(changed(BASE, pipeline=changed(BASE.pipeline, template="t.j2")), near=tmp_path)


def test_a_path_leads_from_the_spec_or_from_a_headway_yaml_above(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "headway.yaml").touch()
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "x.j2").write_text("{% include 'y.j2' %}")
    (tmp_path / "ci" / "y.j2").write_text("found")
    one = changed(BASE, pipeline=changed(BASE.pipeline, template="ci/x.j2"))
    assert render(one, near=deep) == "found"
    with pytest.raises(UsageError, match="there is no template"):
        render(one, near=None)
