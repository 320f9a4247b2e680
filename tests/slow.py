"""Which tests are slow: `make test` leaves them out, `make test-all` runs them.

tests/slow.txt lists them, as files or as functions, as measured: `python -m tests.slow REPORT` writes it from
a report of all tests (`pytest --junitxml=REPORT`).
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

LIST = Path(__file__).with_name("slow.txt")
LONG_SECONDS = 0.8
"""A function is slow if one of its tests takes longer."""
FOLDERS = ("chaos", "crash", "docker", "model", "mutants", "poison", "refusals", "stops", "system")
"""Folders of tests that are slow as a whole: they run the system, or a model checker."""


def listed() -> frozenset[str]:
    """The lines of the list."""
    return frozenset(LIST.read_text().split())


def is_slow(node: str, slow: frozenset[str]) -> bool:
    """Whether a test of this node id is slow."""
    file, _, rest = node.partition("::")
    return _is_in_slow_folder(file) or file in slow or f"{file}::{rest.partition('[')[0]}" in slow


def slow_functions(seconds: Mapping[str, float]) -> Iterator[str]:
    """Of the functions, by the longest of their tests, those that are slow; a file of which all are, as a file."""
    files: dict[str, list[str]] = {}
    for function in seconds:
        files.setdefault(function.partition("::")[0], []).append(function)
    for file, functions in sorted(files.items()):
        if _is_in_slow_folder(file):
            continue
        slow = [each for each in functions if seconds[each] > LONG_SECONDS]
        yield from [file] if len(slow) == len(functions) else sorted(slow)


def measured(report: Path) -> Mapping[str, float]:
    """The longest time of each function's tests, in seconds."""
    longest: dict[str, float] = {}
    for case in ET.parse(report).iter("testcase"):
        names = case.get("classname", "").split(".")
        classes = [name for name in names if name[:1].isupper()]
        file = "/".join(names[: len(names) - len(classes)]) + ".py"
        function = "::".join([file, *classes, case.get("name", "").partition("[")[0]])
        longest[function] = max(longest.get(function, 0.0), float(case.get("time", "0")))
    return longest


def _is_in_slow_folder(file: str) -> bool:
    return file.removeprefix("tests/").partition("/")[0] in FOLDERS


if __name__ == "__main__":
    LIST.write_text("".join(f"{line}\n" for line in slow_functions(measured(Path(sys.argv[1])))))
