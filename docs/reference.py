"""Generates the reference page from the source: what users import, with all defaults. `make docs` writes it."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import notifier
import notifier.testing
from notifier.retry import RetryPolicy
from notifier.routes import matching
from sandbox.testing.deliveries import PlainDelivery
from sandbox.testing.pipeline import Pipeline

_BAR = "\\|"
"""A vertical bar in a cell of a table."""
_ORDER = (
    "route",
    "Event",
    "Email",
    "Attachment",
    "Invitation",
    "Identity",
    "Sms",
    "Push",
    "Chat",
    "Webhook",
    "Later",
    "Limit",
    "Digest",
    "quiet_hours",
    "business_hours",
    "RetryPolicy",
)
_OF_TESTING = ("event_of", "run_route", "render", "RouteRun", "PlainMessage")
_PATTERNS = "Patterns"
_TESTING = "Tests of your own"


class Row(NamedTuple):
    """One option or field."""

    name: str
    kind: str
    default: str
    meaning: str


def reference_page() -> str:
    """Return the page. Raise ValueError for a public name, an option or a field that is not described."""
    if set(notifier.__all__) != set(_ORDER):
        raise ValueError(
            f"the reference is of {', '.join(_ORDER)}; the package exports {', '.join(notifier.__all__)}"
        )
    lines = [
        "# Reference",
        "",
        "What you import from `notifier`, with all defaults. This page is generated from the code: `make docs`.",
        "[README](../README.md) shows how they work together, [settings.md](settings.md) has the settings.",
        "",
        *_contents(),
    ]
    for name in _ORDER:
        lines += ["", f"## {_title(name)}", "", *_described(getattr(notifier, name))]
        if name == "route":
            lines += ["", f"## {_PATTERNS}", "", *_patterns()]
        if name == "RetryPolicy":
            lines += ["", *_giving_up(RetryPolicy())]
    lines += [
        "",
        f"## {_TESTING}",
        "",
        "From `notifier.testing`; [testing.md](testing.md) shows how to use them.",
        "",
    ]
    for name in _OF_TESTING:
        lines += ["", f"### {name}", "", *_described(getattr(notifier.testing, name), calls=True)]
    for each in (Pipeline, PlainDelivery):
        lines += ["", f"### {each.__name__}", "", *_described(each, calls=True)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _title(name: str) -> str:
    return "@route" if name == "route" else name


def _contents() -> Iterator[str]:
    titles = [_title(name) for name in _ORDER]
    titles.insert(1, _PATTERNS)
    links = [f"[{each}](#{each.strip('@').lower().replace(' ', '-')})" for each in (*titles, _TESTING)]
    yield from textwrap.wrap(" · ".join(links), 118, break_long_words=False, break_on_hyphens=False)


def _described(described: Any, *, calls: bool = False) -> Iterator[str]:
    return _function(described) if inspect.isfunction(described) else _class(described, calls=calls)


def _patterns() -> Iterator[str]:
    """Yield the syntax of patterns, from the docstring of the module that compiles them."""
    yield from _prose((inspect.getdoc(matching) or "").partition("\n\n")[2])


def _function(described: Any) -> Iterator[str]:
    text, _, options = (inspect.getdoc(described) or "").partition("\nArgs:\n")
    meanings = dict(_options(options))
    node = _node(described)
    assert isinstance(node, ast.FunctionDef)  # noqa: S101  narrows the type
    given = node.args
    none: list[ast.expr | None] = [None] * (len(given.args) - len(given.defaults))
    pairs = zip([*given.args, *given.kwonlyargs], [*none, *given.defaults, *given.kw_defaults], strict=True)
    yield from _prose(text)
    yield from _table("option", [Row(n.arg, _kind(n.annotation), _default(d), meanings[n.arg]) for n, d in pairs])


def _class(described: Any, *, calls: bool = False) -> Iterator[str]:
    """Yield the fields of a class, and with `calls` its methods and properties."""
    node = _node(described)
    assert isinstance(node, ast.ClassDef)  # noqa: S101  narrows the type
    yield from _prose(inspect.getdoc(described) or "")
    if fields := [*_fields(node)]:
        yield from _table("field", fields)
    if calls and (found := [*_calls(node)]):
        yield from ("", "| call | what it does |", "|---|---|")
        yield from (f"| `{name}` | {meaning} |" for name, meaning in found)


def _node(described: Any) -> ast.stmt:
    return ast.parse(textwrap.dedent(inspect.getsource(described))).body[0]


def _fields(node: ast.ClassDef) -> Iterator[Row]:
    """Yield each annotated name, with the text that follows it."""
    for each, following in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            name = each.target.id
            match following:
                case ast.Expr(value=ast.Constant(value=str(meaning))):
                    yield Row(name, _kind(each.annotation), _default(each.value), meaning)
                case _:
                    raise ValueError(f"{node.name}.{name} has no text after it that says what it means")


def _calls(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield each public method, with its arguments, and each property; and the first paragraph of its docstring."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
            text = ast.get_docstring(each)
            if not text:
                raise ValueError(f"{node.name}.{each.name} has no docstring that says what it does")
            given = ast.unparse(each.args).removeprefix("self").removeprefix(", ").replace("|", _BAR)
            call = each.name if each.decorator_list else f"{each.name}({given})"
            yield call, " ".join(text.partition("\n\n")[0].split())


def _options(text: str) -> Iterator[tuple[str, str]]:
    """Yield the options of a part `Args:` of a docstring: `name: meaning`, with further lines indented."""
    for part in re.split(r"\n(?=\w)", textwrap.dedent(text).strip()):
        name, _, meaning = part.partition(": ")
        yield name, meaning


def _kind(annotation: ast.expr | None) -> str:
    return ast.unparse(annotation) if annotation else ""


def _default(value: ast.expr | None) -> str:
    match value:
        case None:
            return "**required**"
        case ast.Call(keywords=keywords):
            given = {each.arg: each.value for each in keywords}
            return "`{}`" if "default_factory" in given else _default(given["default"])
    return f"`{ast.literal_eval(value)!r}`" if ast.unparse(value) != "''" else '`""`'


def _prose(text: str) -> Iterator[str]:
    """Yield the lines of a docstring as Markdown: what is indented in it, or follows `Example:`, is code."""
    for block in text.strip().replace("\nExample:\n", "\n").split("\n\n"):
        yield from ["```python", textwrap.dedent(block), "```", ""] if block.startswith("    ") else [block, ""]


def _table(what: str, rows: Iterable[Row]) -> Iterator[str]:
    yield from (f"| {what} | type | default | meaning |", "|---|---|---|---|")
    for each in rows:
        meaning = " ".join(each.meaning.split())
        yield f"| `{each.name}` | `{each.kind.replace('|', _BAR)}` | {each.default} | {meaning} |"


def _giving_up(policy: RetryPolicy) -> Iterator[str]:
    """Yield what a policy means in practice, with its own numbers, as wrapped lines."""
    for block in _words(policy):
        yield from (block if block.startswith(("#", "```")) else textwrap.fill(block, 118), "")


def _words(policy: RetryPolicy) -> Iterator[str]:
    bounds = [policy.bound(failures) for failures in range(1, policy.attempts)]
    waits = ", ".join(f"{each:g}" for each in bounds)
    yield "### When a delivery is given up"
    last, average, most = _ordinal(policy.attempts), _minutes(sum(bounds) / 2), _minutes(sum(bounds))
    yield (
        f"With the default policy, `RetryPolicy()`, a delivery has failed for good with its {last} failure. After "
        f"each failure before it waits a random time: between 0 and {waits} seconds. From the first failure to the "
        f"last that is {average} on average and {most} at most, beside the time that the attempts themselves take. "
        "A longer outage of the provider loses no mail as long as its answers show it (a throttle, a blocked "
        "account, a network that is down), because such an attempt does not count. For other outages that may last "
        "longer, of a database that a route asks for instance, give the route a longer policy:"
    )
    yield "```python\n@route(..., retry=RetryPolicy(attempts=100))\n```"
    longer = RetryPolicy(attempts=100)
    spent = sum(longer.bound(failures) for failures in range(1, longer.attempts)) / 2
    yield (
        f"repeats for {spent / 3600:.0f} hours on average. `max_age` ends it by the age of the event instead. A "
        "`failed` delivery is kept, with its reason: `notifier list --status failed` shows it, `notifier redrive` "
        "repeats it."
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{ending}"
