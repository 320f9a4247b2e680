"""Generates the page of errors, those of `notifier.errors` and those derived elsewhere. `make docs` writes it."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from notifier import errors

ROOT = Path(__file__).parents[1]
PACKAGES = ("notifier", "bridge", "workers", "web", "sandbox")

_HEAD = """\
# Errors

Every error that Notifier raises on purpose is a `NotifierError`. A command prints its message, which says what is
wrong and what to do, without a traceback, and ends with the exit code below: 1 if something is wrong, 2 if it was
used wrongly or a server that is needed does not answer. Any other exception is a defect: please report it with its
traceback.
This page is generated from the code: `make docs`.

| error | is a | exit code | meaning |
|---|---|---:|---|"""


def errors_page() -> str:
    """Return the page. Raise ValueError for an error without a docstring."""
    return "\n".join([_HEAD, *_of_module(), "", *_derived()]) + "\n"


def _of_module() -> Iterator[str]:
    found = [each for each in vars(errors).values() if inspect.isclass(each)]
    for each in found:
        base = each.__base__.__name__
        yield f"| `{each.__name__}` | `{base}` | {each.exit_code} | {_meaning(each.__name__, inspect.getdoc(each))} |"


def _derived() -> Iterator[str]:
    yield from (
        "Inside a process these are raised, too. They are handled there: what they mean is logged, or kept with the",
        "record or the delivery.",
        "",
        "| error | is a | raised in | meaning |",
        "|---|---|---|---|",
    )
    known = {name for name, each in vars(errors).items() if inspect.isclass(each)}
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            path = file.relative_to(ROOT)
            if path == Path("notifier/errors.py"):
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                bases = [ast.unparse(each) for each in node.bases] if isinstance(node, ast.ClassDef) else []
                if isinstance(node, ast.ClassDef) and known.intersection(bases):
                    known.add(node.name)
                    text = _meaning(node.name, ast.get_docstring(node))
                    yield f"| `{node.name}` | `{bases[0]}` | [{path}](../{path}) | {text} |"


def _meaning(name: str, text: str | None) -> str:
    if not text:
        raise ValueError(f"{name} has no docstring that says what it means")
    return " ".join(text.split("\n\n")[0].split())
