"""The documents say what the code does."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

from docs.generate import FOLDER, PAGES
from notifier.cli import app
from notifier.routes import Routes, routes_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run `make docs`"


def test_the_routes_of_the_readme_are_routes() -> None:
    code = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "@route" in block]
    assert code
    for block in code:
        scope: dict[str, object] = {}
        exec(compile(block, "README.md", "exec"), scope)
        assert list(Routes(each for value in scope.values() for each in routes_of(value)))


def test_the_files_that_the_readme_names_exist() -> None:
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert linked
    assert [name for name in linked if not (ROOT / name).exists()] == []


def test_the_targets_and_commands_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_commands_of_the_readme_have_the_options_that_they_need() -> None:
    rows = re.findall(r"^\| `notifier ([^`]+)` \|", README, re.MULTILINE)
    assert len(rows) > 10
    for row in rows:
        words = row.replace("...", "").split()
        command: Any = typer.main.get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        options = [each for each in command.params if each.param_type_name == "option"]
        assert [each.opts[0] for each in options if each.required and each.opts[0] not in words] == [], row
        assert any("--json" in each.opts for each in options), row


def test_the_distribution_has_one_name_everywhere() -> None:
    """`notifier` on the package index is somebody else's: whoever asks for it gets a stranger's code."""
    name = PROJECT["name"]
    assert name == "dynamodb-notifier"
    example = tomllib.loads((ROOT / "examples/channel_package/pyproject.toml").read_text())["project"]
    needed = [re.split(r"[^\w.-]", each)[0] for each in example["dependencies"]]
    assert name in needed
    assert "notifier" not in needed
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    for path in (ROOT / each for each in listed if each.endswith((".py", ".md", ".toml", ".yml", "Dockerfile"))):
        wrong = re.findall(r"(?<![\w-])notifier\[\w|pip install (?:-\S+ )*[\"']?notifier(?![\w-])", path.read_text())
        assert wrong == [], path


STREAMS = (FOLDER / "streams.md").read_text()
RULES = {f"R{number}" for number in range(1, 25)} | {"R7b", "R7c"}


def test_each_rule_of_a_consumer_of_streams_has_a_test() -> None:
    lines = {line.split("|")[1].strip(): line for line in STREAMS.splitlines() if re.match(r"\| R\d", line)}
    assert lines.keys() == RULES
    assert [rule for rule, line in lines.items() if "::test_" not in line] == []


def test_the_tests_that_the_page_on_streams_names_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", STREAMS)
    assert named
    assert [f"{file}::{name}" for file, name in named if name not in functions(ROOT / file)] == []


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_the_metrics_that_the_page_on_streams_names_exist() -> None:
    sources = "".join((ROOT / file).read_text() for file in ("notifier/metrics.py", "bridge/counters.py"))
    named = {
        name.removesuffix("_total").removeprefix("notifier_") for name in re.findall(r"`(notifier_\w+)", STREAMS)
    }
    assert named
    assert [name for name in named if not re.search(rf'"(notifier_)?{name}"', sources)] == []
