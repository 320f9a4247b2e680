"""What templates print: numbers in plain notation, and no descriptions of Python objects."""

from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID

import jinja2
import pytest
from markupsafe import Markup

from notifier.errors import TemplateError
from notifier.templates import Templates

Printed = Callable[..., list[str]]


@pytest.fixture
def printed(tmp_path: Path) -> Printed:
    """What an expression prints, in a subject, a text, an HTML body and an SMS."""
    compiled: dict[str, Templates] = {}

    def printed(body: str, **context: Any) -> list[str]:
        templates = compiled.get(body)
        if templates is None:
            for part in ("subject.txt", "body.txt", "body.html", "sms.txt"):
                (tmp_path / "a").mkdir(exist_ok=True)
                (tmp_path / "a" / part).write_text(body)
            templates = compiled[body] = Templates(tmp_path)
        mail = templates.render("a", context)
        return [mail.subject, mail.text, str(mail.html), templates.text("a", "sms.txt", context)]

    return printed


NUMBERS = [
    (Decimal("1E-8"), "0.00000001"),
    (Decimal("0.00000001"), "0.00000001"),
    (Decimal("3E+5"), "300000"),
    (Decimal("-3.10E+5"), "-310000"),
    (Decimal("1.50"), "1.50"),
    (Decimal("0E+3"), "0"),
    (Decimal("9.99E+125"), "999" + 123 * "0"),
    (Decimal("1E-130"), "0." + 129 * "0" + "1"),
    (1e-8, "0.00000001"),
    (1e22, "10000000000000000000000"),
    (-2.5e-7, "-0.00000025"),
    (0.1, "0.1"),
    (3.0, "3.0"),
    (12345678901234567890123, "12345678901234567890123"),
    (0, "0"),
]


@pytest.mark.parametrize(
    "body",
    [
        "{{ n }}",
        "{{ order.n }}",
        "{{ order['n'] }}",
        "{{ order.n | string }}",
        "{{ n | e }}",
        "{{ n | forceescape }}",
        "{{ n | upper }}",
        "{{ n | lower }}",
        "{{ n | title }}",
        "{{ n | trim }}",
        "{{ n | indent }}",
        "{{ n | safe }}",
        "{{ n | default(1) }}",
        "{{ nothing | default(n) }}",
        "{{ n | urlencode }}",
        "{{ n | wordwrap(999) }}",
        "{{ n | truncate(999) }}",
        "{{ n | center(1) }}",
        "{{ 'x' | replace('x', n) }}",
        "{{ 'x' | replace(old='x', new=n) }}",
        "{{ [n] | join }}",
        "{{ [order] | join(attribute='n') }}",
        "{{ [n] | map('string') | join }}",
        "{{ [order] | map(attribute='n') | first }}",
        "{{ n ~ '' }}",
        "{{ '' ~ n }}",
        "{{ '%s' % n }}",
        "{{ '%s%s' % (n, '') }}",
        "{{ '%(n)s' % order }}",
        "{{ '%s' | format(n) }}",
        "{{ '%(n)s' | format(n=n) }}",
        "{{ '{}'.format(n) }}",
        "{{ '{n}'.format(n=n) }}",
        "{{ '{0.n}'.format(order) }}",
        "{{ '{:>1}'.format(n) }}",
        "{{ '{n}'.format_map(order) }}",
        "{{ ('{}' | safe).format(n) }}",
        "{% filter trim %}{{ n }}{% endfilter %}",
        "{% set s %}{{ n }}{% endset %}{{ s }}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(n) }}",
        "{% for each in [n] %}{{ each }}{% endfor %}",
        "{% with x = n %}{{ x }}{% endwith %}",
        "{{ n if true }}",
    ],
)
def test_numbers_are_written_in_plain_notation(body: str, printed: Printed) -> None:
    for number, text in NUMBERS:
        assert printed(body, n=number, order={"n": number}) == [text] * 4, number


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{{ n * 2 }}", "600000"),
        ("{{ [n, n] | sum }}", "600000"),
        ("{{ -n }}", "-300000"),
        ("{{ (n / 3) | round(2) }}", "100000.00"),
        ("{{ '%.2f' % n }}", "300000.00"),
        ("{{ '%.1f' | format(n) }}", "300000.0"),
        ("{{ '%d' % n }}", "300000"),
        ("{{ '{:.2f}'.format(n) }}", "300000.00"),
        ("{{ '{:,.2f}'.format(n) }}", "300,000.00"),
        ("{{ '{:,}'.format(n) }}", "300,000"),
        ("{{ '{:>8}'.format(n) }}|", "  300000|"),
        ("{{ '{:08.1f}'.format(n) }}", "300000.0"),
        ("{{ '{:.1%}'.format(n / 1000000) }}", "30.0%"),
        ("{{ '{:e}'.format(n) }}", "3e+5"),
        ("{{ n | int }}", "300000"),
        ("{{ n | abs }}", "300000"),
        ("{{ n > 2 }}", "True"),
        ("{{ 1e-8 }}", "0.00000001"),
        ("{{ 0.00000001 ~ ' BTC' }}", "0.00000001 BTC"),
        ("{{ {'a': n} | urlencode }}", "a=300000"),
        ("{{ [('a', n)] | urlencode }}", "a=300000"),
        ("x{{ {'a': n, 'b': none} | xmlattr }}", 'x a="300000"'),
        ("{{ 10 % 4 }}", "2"),
    ],
)
def test_a_number_stays_a_number(body: str, text: str, printed: Printed) -> None:
    assert {each.strip() for each in printed(body, n=Decimal("3E+5"))} == {text.strip()}


def test_a_number_of_thousands_of_digits_keeps_its_exponent(printed: Printed) -> None:
    assert printed("{{ n }}", n=Decimal("1E+999999"))[1] == "1E+999999"
    assert printed("{{ n }}", n=Decimal("NaN"))[1] == "NaN"
    assert printed("{{ n }}", n=float("inf"))[1] == "inf"


MAPPINGS: list[Callable[[dict[str, Any]], Any]] = [
    dict,
    OrderedDict,
    UserDict,
    MappingProxyType,
    ChainMap,
    lambda given: defaultdict(list, given),
]
METHODS = ("items", "values", "keys", "copy", "get", "pop", "update", "clear", "setdefault", "popitem")


@pytest.mark.parametrize("key", METHODS)
@pytest.mark.parametrize("body", ["{{ o.%s }}", "{{ o['%s'] }}", "{{ [o] | map(attribute='%s') | first }}"])
def test_a_key_comes_before_a_method(key: str, body: str, printed: Printed) -> None:
    for mapping in MAPPINGS:
        assert printed(body % key, o=mapping({key: "the value"})) == ["the value"] * 4, mapping


@pytest.mark.parametrize("key", ["items", "copy"])
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{%% if o.%s %%}yes{%% else %%}no{%% endif %%}", "error"),
        ("{{ o.%s | default('none') }}", "none"),
        ("{{ o.%s is defined }}", "False"),
        ("{{ o.%s }}", "error"),
        ("{{ o['%s'] | default('none') }}", "none"),
        ("{{ [o] | map(attribute='%s') | first | default('none') }}", "none"),
        ("{{ [o] | selectattr('%s', 'defined') | list | length }}", "0"),
    ],
)
def test_a_missing_key_is_not_a_method(key: str, body: str, text: str, printed: Printed) -> None:
    for mapping in MAPPINGS:
        if "o." not in body and isinstance(mapping({}), defaultdict):  # makes the key when it is asked for it
            continue
        if text == "error":
            with pytest.raises(TemplateError, match=f"no attribute '{key}'"):
                printed(body % key, o=mapping({"a": 1}))
        else:
            assert printed(body % key, o=mapping({"a": 1})) == [text] * 4, mapping


@pytest.mark.parametrize("more", [{}, {"items": ["x"], "get": "y", "values": 1, "keys": None, "upper": "z"}])
def test_methods_can_be_called_beside_keys_of_their_name(more: dict[str, Any], printed: Printed) -> None:
    o = {"a": "1"} | more
    body = "{% for k, v in o.items() %}{{ k }}{% endfor %} {{ o.get('a') }} {{ o.values() | list | length }}"
    assert printed(body, o=o)[1] == f"{''.join(o)} 1 {len(o)}"
    assert printed("{{ name.upper() }} {{ o.keys() | first }}", o=o, name="ana")[1] == "ANA a"
    assert printed("{% for k, v in o | items %}{{ k }}{% endfor %}", o=o)[1] == "".join(o)


def test_reading_a_missing_key_makes_no_default(printed: Printed) -> None:
    counts = Counter(a=1)
    assert printed("{{ counts.most_common() | length }}", counts=counts)[1] == "1"
    assert counts == {"a": 1}


class Row:
    """A row as sqlite3 has it: keys, and methods."""

    def __getitem__(self, key: str) -> str:
        return {"keys": "the value"}[key]

    def keys(self) -> list[str]:
        return ["keys"]


@dataclass
class User:
    name: str

    def items(self) -> str:
        return "called"


def test_objects(printed: Printed) -> None:
    assert printed("{{ row.keys }}", row=Row())[1] == "the value"
    assert printed("{{ user.name }} {{ user.items() }}", user=User("Ana"))[1] == "Ana called"
    assert printed("{{ o.name.first }}", o=SimpleNamespace(name=SimpleNamespace(first="Bo")))[1] == "Bo"


class Color(Enum):
    RED = "red"


class Size(str, Enum):  # noqa: UP042  whose text is Size.BIG
    BIG = "big"


class Shade(StrEnum):
    DARK = "dark"


class Level(IntEnum):
    HIGH = 3


class Right(Flag):
    READ = 1


class Named:
    def __str__(self) -> str:
        return "named"


class Html:
    def __html__(self) -> str:
        return "<i>"

    def __str__(self) -> str:
        return "<i>"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ana", "Ana"),
        (Markup("x"), "x"),
        (7, "7"),
        (True, "True"),
        (date(2026, 1, 31), "2026-01-31"),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31 12:00:00+00:00"),
        (timedelta(minutes=5), "0:05:00"),
        (UUID(int=0), str(UUID(int=0))),
        (Fraction(1, 3), "1/3"),
        (Path("a/b"), "a/b"),
        (Color.RED, "red"),
        (Size.BIG, "big"),
        (Shade.DARK, "dark"),
        (Level.HIGH, "3"),
        (Right.READ, "1"),
        (Named(), "named"),
    ],
)
@pytest.mark.parametrize("body", ["{{ v }}", "{{ v ~ '' }}", "{{ [v] | join }}"])
def test_values_with_a_text_are_printed(body: str, value: Any, text: str, printed: Printed) -> None:
    assert printed(body, v=value) == [text] * 4


@pytest.mark.parametrize(
    ("value", "text"),
    [({"a": "b"}, "{'a': 'b'}"), ([1, "a"], "[1, 'a']"), ({"a": ["b", (1,)]}, "{'a': ['b', (1,)]}")],
)
def test_a_list_of_texts_is_printed(value: Any, text: str, printed: Printed) -> None:
    assert printed("{{ v }}", v=value)[1] == text


def test_html_of_an_object_is_html(printed: Printed) -> None:
    assert printed("{{ v }}", v=Html())[2] == "<i>"


def generator() -> Iterator[int]:
    yield 1


Point = namedtuple("Point", "x")  # noqa: PYI024
UNPRINTABLE = [
    (None, r"None is printed: give it a default"),
    (print, r"print is printed without being called"),
    (generator, r"generator is printed without being called"),
    (lambda: 1, r"<lambda> is printed without being called"),
    (User("Ana").items, r"User\.items is printed without being called"),
    ({}.items, r"dict\.items is printed without being called"),
    ("".upper, r"str\.upper is printed without being called"),
    (User, r"User is printed without being called"),
    ({"a": Decimal(1)}, r"a whole dict is printed"),
    ({Decimal(1): "a"}, r"a whole dict is printed"),
    ({"a": [{"b": None}]}, r"a whole dict is printed"),
    ([Decimal(1)], r"a whole list is printed"),
    (["a", None], r"a whole list is printed"),
    ([User("Ana")], r"a whole list is printed"),
    ([0.1], r"a whole list is printed"),
    ([True], r"a whole list is printed"),
    ((b"x",), r"a whole tuple is printed"),
    ({1}, r"a whole set is printed"),
    (frozenset("a"), r"a whole frozenset is printed"),
    (Point(1), r"a whole Point is printed"),
    (UserDict(), r"a whole UserDict is printed"),
    (deque(), r"an object of the type deque is printed"),
    (b"x", r"an object of the type bytes is printed"),
    (bytearray(b"x"), r"an object of the type bytearray is printed"),
    ({}.items(), r"an object of the type dict_items is printed"),
    (range(3), r"an object of the type range is printed"),
    (generator(), r"an object of the type generator is printed"),
    (User("Ana"), r"an object of the type User is printed"),
    (SimpleNamespace(a=1), r"an object of the type SimpleNamespace is printed"),
    (object(), r"an object of the type object is printed"),
    (Ellipsis, r"an object of the type ellipsis is printed"),
    (NotImplemented, r"an object of the type NotImplementedType is printed"),
    (pytest, r"an object of the type module is printed"),
    (jinja2.DebugUndefined(name="x"), r"'x' is undefined"),
    (jinja2.ChainableUndefined(name="x"), r"'x' is undefined"),
    (jinja2.StrictUndefined(name="x"), r"'x' is undefined"),
]


@pytest.mark.parametrize(
    "body",
    [
        "{{ v }}",
        "{{ v | string }}",
        "{{ v | upper }}",
        "{{ v | e }}",
        "{{ v | safe }}",
        "{{ v ~ '' }}",
        "{{ [v] | join }}",
        "{{ '%s' % (v,) }}",
        "{{ '%s' | format(v) }}",
        "{{ '{}'.format(v) }}",
        "{{ 'x' | replace('x', v) }}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(v) }}",
    ],
)
def test_values_without_a_text_are_errors(body: str, printed: Printed) -> None:
    body = "\n" + body
    for value, told in UNPRINTABLE:
        if value is None and "replace" in body:  # which Jinja's own filters treat as a missing argument
            continue
        with pytest.raises(TemplateError, match=told) as raised:
            printed(body, v=value)
        assert "subject.txt, line 2: " in str(raised.value)
        assert "Ana" not in str(raised.value)


@pytest.mark.parametrize(
    "body",
    [
        "{% macro m() %}x{% endmacro %}{{ m }}",
        "{{ cycler }}",
        "{{ range }}",
        "{{ 'a'.upper }}",
        "{{ self }}",
        "{{ [none] }}",
    ],
)
def test_jinjas_own_objects_are_errors(body: str, printed: Printed) -> None:
    with pytest.raises(TemplateError, match=r" is printed"):
        printed(body)


def test_an_if_without_an_else_prints_nothing(printed: Printed) -> None:
    assert printed("x{{ 'a' if false }}{{ ('b' if false) ~ 'y' }}")[1] == "xy"


def test_an_error_of_printing_names_the_line_and_not_the_type_of_the_error(printed: Printed) -> None:
    with pytest.raises(
        TemplateError, match=r"subject.txt, line 1: a whole list is printed, as Python writes it: print"
    ):
        printed("{{ v }}", v=[None])
