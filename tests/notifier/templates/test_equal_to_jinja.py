"""Whatever templates and values: what `Templates` renders and raises is what Jinja's own code renders and raises.

The reference is the same environment with Jinja's own output, calls, look-up of templates and `Template.render`.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import nodes
from jinja2.compiler import Frame
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from examples.activity import sample_items
from notifier.errors import TemplateError
from notifier.events import Event
from notifier.messages import Email
from notifier.routes.loading import load_routes
from notifier.templates import Templates
from notifier.templates.environment import TemplateEnvironment
from notifier.templates.generator import RulesGenerator
from notifier.templates.printing import as_html, as_text, printable
from sandbox.system import ROUTES
from simulators.streams.model.attributes import attributes


class JinjasCode(RulesGenerator):
    """Jinja's code, with the rules of this project for what is printed and called."""

    _buffer: str | None = None

    def visit_Include(self, node: nodes.Include, frame: Frame) -> None:  # noqa: N802
        """Jinja prints what has no context past the macro or the block of `set` that includes it."""
        self._buffer = frame.buffer
        super().visit_Include(node, frame)

    def writeline(self, x: str, node: nodes.Node | None = None, extra: int = 0) -> None:
        if x.startswith("yield from template._get_default_module()") and self._buffer:
            x = f"{self._buffer}.extend({x.removeprefix('yield from ')})"
        super().writeline(x, node, extra)


class Reference(TemplateEnvironment):
    code_generator_class = JinjasCode
    template_class = jinja2.Template
    call = ImmutableSandboxedEnvironment.call
    get_template = jinja2.Environment.get_template


class ReferenceTemplates(Templates):
    """Renders with Jinja's own code."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._html = Reference(self._source, autoescape=True)
        self._text = Reference(self._source, autoescape=False)

    def _values(self, template: jinja2.Template, context: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def _rendered(self, template: jinja2.Template, context: Mapping[str, Any], values: dict[str, Any]) -> str:
        try:
            return template.render(context)
        except Exception as error:
            raise self._failure(error, template, context) from error


class Person:
    """An object of the application, with an attribute and a method."""

    name = "<Ana>"
    _private = "hidden"

    def hello(self, other: object = "you") -> str:
        return f"hello, {other} & all"

    def markup(self) -> Markup:
        return Markup("<b>bold</b>")

    def ends(self) -> None:
        raise StopIteration


class Html:
    def __html__(self) -> str:
        return "<i>html</i>"


class Loud(str):
    """A str of another type: its own text counts."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.upper() + "<"


VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["<&>'\"", "a <b> 'c' \"d\" & e", "\ud83d", "\0", "{{ a }}", "ß<é", ""]),
    st.integers(),
    st.booleans(),
    st.none(),
    st.decimals(allow_nan=True),
    st.floats(),
    st.sampled_from([Markup("<b>m</b>"), Html(), Loud("loud"), Person(), Person().hello, b"bytes", {1, 2}, object()]),
    st.lists(st.one_of(st.text(max_size=5), st.integers(), st.none()), max_size=3),
    st.dictionaries(st.sampled_from(["a", "b", "items", "name", "x"]), st.text(max_size=5), max_size=3),
)
CONTEXTS = st.fixed_dictionaries(
    {"a": VALUES, "b": VALUES, "c": st.text(max_size=5), "person": st.just(Person())},
    optional=dict.fromkeys(("items", "range", "self", "loop", "x"), VALUES),
)

PLAIN_EXPRESSIONS = ("a", "b", "c", "a ~ b", "a | e", "a if b else c", "a == b", "a is defined", "'<lit>'", "17")
EXPRESSIONS = (
    *PLAIN_EXPRESSIONS * 5,
    *("items", "missing", "a.b", "a.name", "b['x']", "a.items", "a.items()", "person.name", "a[0]", "a[:1]"),
    *("person.hello()", "person.hello(a)", "person.markup()", "person.ends()", "person._private", "a.__class__"),
    *("a.__class__.__mro__", "range(3)", "range(3) | join(a)", "dict(x=a).x", "a + b", "a % b", "'%s' % a"),
    *("'%s' | format(a)", "'{}'.format(a)", "'{x}'.format_map({'x': a})", "a | safe", "a | upper", "a if b"),
    *("a | default('d')", "a | length", "a | first", "a | list", "not a", "a and b", "[a, b]", "{'a': a}", "(a, b)"),
    *(
        "1.50",
        "none",
        "true",
        "a | tojson",
        "m(a)",
        "m(a, b)",
        "m(t=a)",
        "m()",
        "m(a, b, c)",
        "m(a, z=1)",
        "m(a) ~ b",
    ),
    *("self.one()", "self.two()", "super()", "caller()", "caller(a)", "loop.index", "loop.last", "self", "lib"),
    *("lib.shown(a)", "shown(a)", "shown(shown(a))", "shown", "a.append(1)", "b.update({})", "cycler(a, b).next()"),
    *("namespace(x=a).x", "lipsum", "a | attr('x')", "a | xmlattr", "m", "m.name", "m.__call__", "self.one.super()"),
)


def statements(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map("".join)
    expression = st.sampled_from(EXPRESSIONS)
    return st.one_of(
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, expression, body, body),
        st.builds("{{% for a in {} %}}{}{{% else %}}none{{% endfor %}}".format, expression, body),
        st.builds("{{% for x in [1, 2] %}}{}{{% endfor %}}".format, body),
        st.builds("{{% set b = {} %}}{}".format, expression, body),
        st.builds("{{% set c %}}{}{{% endset %}}{{{{ c }}}}".format, body),
        st.builds("{{% with a = {} %}}{}{{% endwith %}}".format, expression, body),
        st.builds("{{% filter upper %}}{}{{% endfilter %}}".format, body),
        st.builds("{{% call m({}) %}}{}{{% endcall %}}".format, expression, body),
        st.builds("{{% call(a) m(b) %}}{}{{% endcall %}}".format, body),
        st.builds(
            "{{% autoescape {} %}}{}{{% endautoescape %}}".format, st.sampled_from(["true", "false", "a"]), body
        ),
        st.builds("{{% macro m(t, u='<u>') %}}{}{{% endmacro %}}".format, body),
    )


LEAVES = st.one_of(
    st.sampled_from(EXPRESSIONS).map("{{{{ {} }}}}".format),
    st.sampled_from(["text ", "<p>&amp;</p>\n", "{# note #}", "line\n"]),
    st.sampled_from(
        [
            *("{% include 'part.txt' %}", "{% include 'part.html' %}", "{% include 'part.txt' without context %}"),
            *("{% include a %}", "{% include ['gone.txt', 'part.txt'] %}", "{% include 'gone' ignore missing %}"),
            *(
                "{% import 'lib.html' as lib %}",
                "{% from 'lib.html' import shown %}",
                "{% from 'lib.html' import no %}",
            ),
            *("{% import 'lib.html' as lib with context %}", "{% do a %}" if False else "{% set a = 'set' %}"),
        ]
    ),
)
BODIES = st.lists(st.recursive(LEAVES, statements, max_leaves=8), max_size=4).map("".join)

SHARED = {
    "part.txt": "part {{ a }} {{ x }}",
    "part.html": "<p>{{ a }}{% block one %}in part{% endblock %}</p>",
    "lib.html": "{% macro shown(v) %}<s>{{ v }}{{ caller() if caller }}</s>{% endmacro %}{% set lib = 1 %}",
    "layout.html": (
        "<h1>{{ self.one() }}</h1>{% block one %}one {{ b }}{% endblock %}|{% block two scoped %}{% endblock %}"
    ),
}


class Folders:
    """Makes folders of templates."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._numbers = count()

    def new(self, files: Mapping[str, str]) -> Path:
        folder = self._base / str(next(self._numbers))
        for path, text in {**SHARED, **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, "utf-8")
        return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("equal"))


def agree(folder: Path, context: Any) -> None:
    ours, jinjas = Templates(folder), ReferenceTemplates(folder)
    for _ in range(2):  # again, with everything compiled
        assert mail(ours, context) == mail(jinjas, context)
        assert sms(ours, context) == sms(jinjas, context)


def mail(templates: Templates, context: Any) -> object:
    return result(lambda: templates.render("a", context))


def sms(templates: Templates, context: Any) -> object:
    return result(lambda: templates.text("a", "sms.txt", context))


def result(render: Callable[[], object]) -> object:
    try:
        return render()
    except TemplateError as error:
        return f"{type(error.__cause__).__name__}: {error}"


MACRO = "{% macro m(t, u='<u>') %}[{{ t }}{{ u }}{{ caller(t) if caller }}]{% endmacro %}"
PLAIN = {"a/subject.txt": "S {{ c }}", "a/body.txt": "T", "a/sms.txt": "S"}


@settings(max_examples=100, deadline=None)
@given(text=BODIES, html=BODIES, context=CONTEXTS)
def test_any_template(folders: Folders, text: str, html: str, context: dict[str, Any]) -> None:
    agree(folders.new({**PLAIN, "a/sms.txt": MACRO + text, "a/body.html": MACRO + html}), context)


@settings(max_examples=50, deadline=None)
@given(one=BODIES, two=BODIES, context=CONTEXTS)
def test_any_template_with_a_layout(folders: Folders, one: str, two: str, context: dict[str, Any]) -> None:
    html = (
        "{% extends 'layout.html' %}{% from 'lib.html' import shown %}"
        f"{{% block one %}}{one}{{{{ super() }}}}{{% endblock %}}{{% block two %}}{two}{{% endblock %}}"
    )
    agree(folders.new({**PLAIN, "a/body.html": html}), context)


@pytest.mark.parametrize("context", [7, None, [("a", 1)], {1: "a"}, {"a": 1, 2: "b"}, "ab", ["ab"], [1]])
def test_a_context_of_any_kind(folders: Folders, context: object) -> None:
    agree(folders.new({**PLAIN, "a/subject.txt": "S", "a/body.html": "{{ a }}"}), context)


@given(VALUES)
def test_what_is_printed_is_what_jinja_prints(value: object) -> None:
    def printed(how: Any) -> object:
        try:
            text = how(value)
        except Exception as error:  # noqa: BLE001  the same one is wanted
            return type(error), str(error)
        assert isinstance(text, str)
        return text

    assert printed(as_html) == printed(lambda each: escape(printable(each)))
    assert printed(as_text) == printed(lambda each: str(printable(each)))


def test_the_mails_of_the_example() -> None:
    routes = load_routes(ROUTES)
    assert routes.source is not None
    folder = routes.source.parent / "templates"
    ours, jinjas = Templates(folder), ReferenceTemplates(folder)
    for number, item in enumerate(sample_items(300)):
        event = _event(number, {**item, "name": item["name"] + "<'\"&>"})
        route = routes.owner(event)
        assert route is not None
        email = route.build(event)
        assert isinstance(email, Email)
        rendered = ours.render(email.template, email.context, email.locale)
        assert rendered == jinjas.render(email.template, email.context, email.locale)


def _event(number: int, item: Mapping[str, Any]) -> Event:
    image = attributes(item)
    change = {
        "ApproximateCreationDateTime": 1_767_600_000,
        "Keys": {name: image[name] for name in ("pk", "sk")},
        "NewImage": image,
        "SequenceNumber": str(number),
    }
    return Event.from_record("activity", {"eventID": str(number), "eventName": "INSERT", "dynamodb": change})


def test_a_part_does_not_see_what_another_one_set(folders: Any) -> None:
    files = {
        "a/subject.txt": "{% set a = 'changed' %}{% set z = 1 %}{{ a }}",
        "a/body.txt": "{{ a }} {{ z is defined }}",
    }
    mail = Templates(folders.new(files)).render("a", {"a": "given"})
    assert (mail.subject, mail.text) == ("changed", "given False")


def test_numbers_stay_plain() -> None:
    assert (as_text(Decimal("1E-8")), as_html(Decimal("1E-8"))) == ("0.00000001", "0.00000001")
