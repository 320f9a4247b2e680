"""What the generated code prints is what plain Jinja prints: inheritance, blocks, macros, loops, includes, imports.

The reference is Jinja's sandbox with strict undefined values, without anything of this project. It prints None and
lists, which is an error here, so these stand in the context only to be asked about.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from notifier.errors import TemplateError
from notifier.templates import Templates
from notifier.templates.printing import _escaped, as_html

SHARED = {
    "layout.html": (
        "<title>{{ self.head() }}</title>{% block head %}base {{ name }}{% endblock %}"
        "{% block body %}<p>{% block inner scoped %}inner{% endblock %}</p>{% endblock %}{{ n }}"
    ),
    "middle.html": (
        "{% extends 'layout.html' %}{% block head %}middle {{ super() }}{% endblock %}"
        "{% block inner %}({{ super() }}){% endblock %}"
    ),
    "required.html": "{% block body required %}{% endblock %}",
    "part.html": "<i>{{ name }}</i>{% for x in items %}{{ x }}{% endfor %}",
    "apart.html": "<u>apart &amp; {{ 1 + 1 }}</u>",
    "macros.html": (
        "{% macro bold(text, mark='!') %}<b>{{ text }}{{ mark }}</b>{% endmacro %}"
        "{% macro twice(text) %}{{ bold(text) }}{{ bold(text, mark='?') }}{% endmacro %}"
        "{% macro around() %}[{{ caller(1) }}{{ varargs | length }}{{ kwargs | length }}]{% endmacro %}"
        "{% set exported = 'exported & <set>' %}"
    ),
}
PRINTED = [
    "{{ name }} {{ n }} {{ text }} {{ markup }} {{ nested.deep.name }} {{ nested['deep'] }} {{ items[0] }}",
    "{{ missing | default('none') }} {{ missing is defined }} {{ none_ is none }} {{ 'x' if none_ else 'y' }}",
    "{{ name ~ '<' ~ n }} {{ markup ~ name }} {{ '<b>' | safe }}{{ name | e | e }}{{ [name, markup] | join(', ') }}",
    "{% for x in items %}{{ loop.index }}{{ x }}{{ ',' if not loop.last }}{% else %}none{% endfor %}",
    "{% for x in [] %}{{ x }}{% else %}none {{ name }}{% endfor %}",
    "{% for x in items if x != name %}{{ x }}{% endfor %}",
    "{% for k, v in pairs.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for x in tree recursive %}<li>{{ x.name }}{{ loop(x.under) }}</li>{% endfor %}",
    "{% for x in items %}{% for y in items %}{{ x }}{{ y }}{{ loop.length }}{% endfor %}{% endfor %}",
    "{% set a = name %}{% set b %}<b>{{ a }}</b>{% endset %}{{ b }}{{ b }}",
    "{% set b %}{% include 'part.html' %}{% endset %}({{ b }})",
    "{% set b | upper %}{{ name }}{% endset %}{{ b }}",
    "{% filter upper %}<b>{{ name }}</b>{% include 'part.html' %}{% endfilter %}",
    "{% with a = name, b = n %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
    "{% include 'apart.html' without context %}",
    "{% include ['gone.html', 'apart.html'] %}{% include 'gone.html' ignore missing %}",
    "{% for x in items %}{% include 'part.html' %}{% endfor %}",
    "{% import 'macros.html' as m %}{{ m.bold(name) }}{{ m.twice(markup) }}{{ m.exported }}",
    "{% from 'macros.html' import bold, twice as two with context %}{{ bold(text=name) }}{{ two(n) }}",
    "{% from 'macros.html' import around %}{% call(x) around(1, 2, k=3) %}{{ x }}{{ name }}{% endcall %}",
    "{% macro fact(k) %}{{ k }}{% if k > 0 %}{{ fact(k - 1) }}{% endif %}{% endmacro %}{{ fact(3) }}",
    "{% macro m(a) %}{% for x in items %}{{ a }}{{ x }}{% endfor %}{% endmacro %}{{ m(name) }}{{ m(a=markup) }}",
    "{% autoescape false %}{{ name }}{{ markup }}{% endautoescape %}{{ name }}",
    "{% autoescape on %}{{ name }}{{ n }}{% macro q(x) %}{{ x }}{% endmacro %}{{ q(name) }}{% endautoescape %}",
    "{% autoescape off %}{{ name }}{{ n }}{% include 'part.html' %}{% endautoescape %}",
    "{% trans %}Hello {{ name }}{% endtrans %}{% trans k=n %}one{% pluralize %}{{ k }}{% endtrans %}",
    "{% block head %}{{ name }}{% endblock %}{{ self.head() }}{{ self.head() | upper }}",
    "{% for x in items %}{% block each scoped %}{{ x }}{{ loop.index }}{% endblock %}{% endfor %}",
    "{% set v = name %}{% block head %}{{ v }}{% endblock %}",
    "{% filter upper %}{% block head %}{{ name }}{% endblock %}{% endfilter %}",
    "{% extends 'layout.html' %}dropped {{ missing }}{% block head %}own {{ name }}{% endblock %}",
    "before {% extends 'layout.html' %}{% block body %}{{ super() }}{{ self.head() }}{% endblock %}",
    "{% extends 'middle.html' %}{% block head %}{{ super() }}{{ super.super() }}{% endblock %}",
    "{% extends 'middle.html' %}{% block inner %}{{ super() }}{{ name }}{% endblock %}",
    "{% if on %}{% extends 'layout.html' %}{% endif %}also {{ name }}{% block head %}own{% endblock %}",
    "{% if off %}{% extends 'layout.html' %}{% endif %}also {{ name }}{% block head %}own{% endblock %}",
    "{% extends layout %}{% set v = 1 %}{% block head %}{{ v }}{% endblock %}",
    "{% extends 'layout.html' %}{% from 'macros.html' import bold %}{% block body %}{{ bold(name) }}{% endblock %}",
    "{% extends 'required.html' %}{% block body %}{{ name }}{% endblock %}",
]
ERRORS = [
    "{{ missing }}",
    "{{ missing.deeper }}",
    "{{ nested.missing }}",
    "{% include 'part.html' %}|{% include 'part.html' without context %}",
    "{% include 'gone.html' %}",
    "{% from 'macros.html' import gone %}{{ gone }}",
    "{% from 'macros.html' import bold %}{{ bold(name, n, 1) }}",
    "{% from 'macros.html' import bold %}{{ bold(name, other=1) }}",
    "{% from 'macros.html' import around %}{{ around() }}",
    "{% block head %}{{ super() }}{% endblock %}",
    "{{ self.gone() }}",
    "{% extends 'layout.html' %}{% extends 'layout.html' %}",
    "{% extends 'required.html' %}",
    "{% extends 'gone.html' %}",
    "{{ name.__class__ }}",
    "{{ items.append(1) }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ joiner }}{{ lipsum.__globals__ }}",
    "{% from 'macros.html' import bold %}{{ bold() }}",
]
BODIES = [*PRINTED, *ERRORS]
CONTEXT: dict[str, Any] = {
    "name": "<Ana> & 'Bo' \"C\"",
    "n": 17,
    "text": "plain\ntext",
    "markup": Markup("<b>m</b>"),
    "items": ["a", "<b>", 3],
    "pairs": {"a": "<1>", "b": 2},
    "nested": {"deep": {"name": "<deep>"}, "items": "key"},
    "tree": [{"name": "1", "under": [{"name": "<2>", "under": []}]}, {"name": "3", "under": []}],
    "none_": None,
    "on": True,
    "off": False,
    "layout": "layout.html",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("generated")
    for path, text in SHARED.items():
        (base / path).write_text(text)
    for number, body in enumerate(BODIES):
        for part, text in {"subject.txt": "S", "body.txt": "T", "body.html": body, "sms.txt": body}.items():
            (base / str(number)).mkdir(exist_ok=True)
            (base / str(number) / part).write_text(text)
    return base


def plain_jinja(folder: Path, *, autoescape: bool) -> jinja2.Environment:
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    return environment


def printed(render: Any) -> str | None:
    try:
        return str(render())
    except (TemplateError, jinja2.TemplateError, TypeError):
        return None


def check(folder: Path, templates: Templates, number: int, context: Mapping[str, Any]) -> None:
    """Compare what both print, in HTML and in text. None stands for an error."""
    for part, autoescape in (("body.html", True), ("sms.txt", False)):
        jinjas = plain_jinja(folder, autoescape=autoescape)
        theirs = printed(lambda j=jinjas, p=part: j.get_template(f"{number}/{p}").render(context))
        if part == "body.html":
            ours = printed(lambda: templates.render(str(number), context).html)
        else:
            ours = printed(lambda: templates.text(str(number), "sms.txt", context))
        assert ours == theirs, BODIES[number]


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_plain_jinja_prints_the_same(folder: Path, number: int) -> None:
    templates = Templates(folder)
    for _ in range(2):  # again, with everything compiled
        check(folder, templates, number, CONTEXT)
    found = printed(lambda: templates.text(str(number), "sms.txt", CONTEXT))
    assert (found is None) == (number >= len(PRINTED))


@settings(max_examples=60, deadline=None)
@given(
    number=st.integers(0, len(BODIES) - 1),
    name=st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=8),
    n=st.integers(-9, 9),
    items=st.lists(st.one_of(st.sampled_from(["<", "&amp;", "'"]), st.integers()), min_size=1, max_size=3),
    dropped=st.sets(st.sampled_from(sorted(CONTEXT)), max_size=2),
)
def test_whatever_the_values(
    folder: Path, number: int, name: str, n: int, items: list[Any], dropped: set[str]
) -> None:
    context = {**CONTEXT, "name": name, "n": n, "items": items}
    check(folder, Templates(folder), number, {key: value for key, value in context.items() if key not in dropped})


@pytest.mark.parametrize(
    "body",
    [
        "{% macro m() %}<{% include 'apart.html' without context %}>{% endmacro %}{{ m() }}",
        "{% set b %}<{% include 'apart.html' without context %}>{% endset %}{{ b }}",
    ],
)
def test_what_is_included_without_context_stays_where_it_is_included(tmp_path: Path, body: str) -> None:
    """Jinja prints it past the macro, which prints as `<generator object>` then, and past the block of `set`."""
    (tmp_path / "a").mkdir()
    for path, text in {"a/subject.txt": "S", "a/body.html": body, "apart.html": "apart"}.items():
        (tmp_path / path).write_text(text)
    assert Templates(tmp_path).render("a", {}).html == "<apart>"


@given(st.text())
def test_text_is_escaped_as_by_markupsafe(text: str) -> None:
    """Also where MarkupSafe is too old to have a function for it."""
    assert as_html(text) == _escaped(text) == str(escape(text))
