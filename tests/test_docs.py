"""The documents say what the code does."""

import ast
import importlib
import inspect
import random
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

import notifier
import notifier.testing
from docs.generate import FOLDER, PAGES
from docs.metrics import rules
from docs.reference import _class
from notifier.cli.lazy import COMMANDS, load
from notifier.metrics.names import FAMILIES
from notifier.outbox.roles import ROLES
from notifier.retry import RetryPolicy
from notifier.routes import Routes, conditions, routes_of
from sandbox.testing.pipeline import Pipeline

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run `make docs`"


def test_the_routes_of_the_readme_are_routes() -> None:
    pages = README + (FOLDER / "tutorial.md").read_text()
    code = [block for block in re.findall(r"```python\n(.*?)```", pages, re.DOTALL) if "@route" in block]
    assert len(code) == 2
    for block in code:
        scope: dict[str, object] = {}
        exec(compile(block, "a page", "exec"), scope)
        assert list(Routes(each for value in scope.values() for each in routes_of(value)))


def test_the_files_that_the_readme_names_exist() -> None:
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert linked
    assert [name for name in linked if not (ROOT / name).exists()] == []


def test_the_targets_and_commands_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_commands_of_the_page_have_the_options_that_they_need() -> None:
    page = (FOLDER / "commands.md").read_text().split("## Processes")[0]
    rows = re.findall(r"^\| `notifier ([^`]+)` \|", page, re.MULTILINE)
    assert len(rows) > 10
    for row in rows:
        words = row.replace("...", "").split()
        command: Any = load(words.pop(0))
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        options = [each for each in command.params if each.param_type_name == "option"]
        assert [each.opts[0] for each in options if each.required and each.opts[0] not in words] == [], row
        assert any("--json" in each.opts for each in options), row


REFERENCE = (FOLDER / "reference.md").read_text()


def test_the_reference_has_each_public_name_with_its_defaults() -> None:
    for name in notifier.__all__:
        section = re.split(rf"^## @?{name}$", REFERENCE, flags=re.MULTILINE)[1].split("\n## ")[0]
        rows = {row.split("|")[1].strip(" `"): row for row in section.splitlines() if row.startswith("| `")}
        options = inspect.signature(getattr(notifier, name)).parameters
        assert rows.keys() == options.keys()
        for option, parameter in options.items():
            assert ("**required**" in rows[option]) == (parameter.default is parameter.empty), rows[option]
    assert "| `attempts` | `int` | `12` |" in REFERENCE
    assert r"| `on` | `str \| Sequence[str]` | `'INSERT'` |" in REFERENCE
    assert "| `headers` | `Mapping[str, str]` | `{}` |" in REFERENCE


def test_the_reference_has_each_condition_of_a_pattern() -> None:
    section = REFERENCE.split("\n## Patterns\n")[1].split("\n## ")[0]
    assert conditions._CONDITIONS.keys() >= {"prefix", "exists"}
    assert [each for each in conditions._CONDITIONS if f'"{each}"' not in section] == []


def test_the_reference_has_the_kit_for_tests_with_its_defaults() -> None:
    part = REFERENCE.split("\n## Tests of your own\n")[1]
    for described in (notifier.testing.event_of, notifier.testing.run_route, notifier.testing.render):
        section = part.split(f"\n### {described.__name__}\n")[1].split("\n### ")[0]
        rows = {row.split("|")[1].strip(" `"): row for row in section.splitlines() if row.startswith("| `")}
        parameters = inspect.signature(described).parameters
        assert rows.keys() == parameters.keys()
        for name, parameter in parameters.items():
            assert ("**required**" in rows[name]) == (parameter.default is parameter.empty), rows[name]
    calls = part.split("\n### Pipeline\n")[1].split("\n### ")[0]
    for name in (each for each in vars(Pipeline) if not each.startswith("_")):
        assert re.search(rf"^\| `{name}[(`]", calls, re.MULTILINE), name


def test_a_call_without_a_docstring_is_refused() -> None:
    class Bare:
        def call(self) -> None: ...

    with pytest.raises(ValueError, match=r"Bare\.call has no docstring"):
        list(_class(Bare, calls=True))


def test_the_reference_says_when_the_default_policy_gives_up() -> None:
    policy, draw = RetryPolicy(), random.Random(1)
    times = []
    for _ in range(2000):
        failures, waited = 0, 0.0
        while not policy.exhausted(failures := failures + 1):
            waited += policy.delay(failures, draw)
        times.append(waited)
    average, most = re.findall(
        r"that is (\d+) minutes on average and (\d+) minutes at most", REFERENCE.replace("\n", " ")
    )[0]
    assert f"with its {failures}th failure" in REFERENCE.replace("\n", " ")
    assert abs(sum(times) / len(times) / 60 - int(average)) < 0.6
    assert int(average) * 60 < max(times) < int(most) * 60 + 30
    assert sum(each > 7 * 60 for each in times) > len(times) / 2


def test_a_field_without_a_meaning_is_refused() -> None:
    class Bare:
        field: int = 1

    with pytest.raises(ValueError, match=r"Bare\.field has no text"):
        list(_class(Bare))


def test_the_distribution_has_one_name_everywhere() -> None:
    """`notifier` on the package index is somebody else's: installing it gets code of other people."""
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
RULES = {f"R{number}" for number in range(1, 25)} | {"R7b", "R7c", "R19b"}


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


def test_the_metrics_that_pages_name_exist() -> None:
    shown = {each.shown for each in FAMILIES}
    for page in [ROOT / "README.md", *FOLDER.glob("*.md")]:
        named = re.findall(r"`(notifier_[a-z_]+)(?:\{[^`]*)?`", page.read_text())
        assert [name for name in named if name not in shown | ROLES.keys()] == [], page


ALARMS = (FOLDER / "alarms.md").read_text()


def test_each_alarm_has_a_section_that_says_what_to_do() -> None:
    found = rules()
    sections = {part.partition("\n")[0]: part for part in ALARMS.split("\n## ")[1:]}
    assert list(sections) == [rule["alert"] for rule in found]
    for rule in found:
        name = rule["alert"]
        assert rule["annotations"]["runbook"] == f"docs/alarms.md#{name.lower()}"
        assert len(sections[name].split()) > 15, name


def test_the_options_that_pages_name_exist() -> None:
    """Each `notifier COMMAND ... --option` of a page or a README, on one line."""
    reference = (FOLDER / "cli.md").read_text()
    options = {
        part.partition("\n")[0].removeprefix("notifier "): set(re.findall(r"--[a-z][a-z-]*", part))
        for part in re.split(r"^#+ ", reference, flags=re.MULTILINE)
    }
    pages = [
        *FOLDER.glob("*.md"),
        *ROOT.glob("*.md"),
        *ROOT.glob("examples/*/README.md"),
        *ROOT.glob("deploy/*/*.md"),
    ]
    missing = []
    for page in pages:
        for command, rest in re.findall(r"\bnotifier ([a-z][a-z-]+(?: [a-z]+)?)([^`|;&\n]*)", page.read_text()):
            known = options.get(command, options.get(command.split()[0]))
            if known is not None:
                missing += [f"{page.name}: notifier {command} {each}" for each in _options(rest) if each not in known]
    assert missing == []


def _options(words: str) -> list[str]:
    return re.findall(r"(?<= )--[a-z][a-z-]*", words)


def test_the_commands_that_alarms_name_exist() -> None:
    of_other_packages = {"bridge", "feedback", "quarantine", "status-sender", "worker"}
    for text in (ALARMS, *(str(rule["annotations"]) for rule in rules())):
        commands = re.findall(r"\bnotifier\s+([a-z][a-z-]+)(?=[ `;,\n])", text)
        assert [each for each in commands if each not in of_other_packages | COMMANDS.keys()] == []


def test_a_link_within_the_docs_leads_to_a_section() -> None:
    for page in FOLDER.glob("*.md"):
        for file, section in re.findall(r"\]\(([\w/.]*\.md)?#([\w-]+)\)", page.read_text()):
            text = (FOLDER / file).read_text() if file else page.read_text()
            titles = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings(text)}
            assert section in titles, (page.name, file, section)


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.*)$", text, re.MULTILINE)


def test_the_paths_of_the_architecture_exist() -> None:
    """Each row names a file and a function or class in it."""
    rows = re.findall(
        r"^\| \d+ \| `([\w/]+)\.py` \| `([\w.]+)` \|", (FOLDER / "architecture.md").read_text(), re.MULTILINE
    )
    assert len(rows) > 25
    for file, name in rows:
        found: Any = importlib.import_module(file.replace("/", "."))
        for part in name.split("."):
            found = getattr(found, part)
        assert inspect.getsourcefile(found) == str(ROOT / f"{file}.py"), (file, name)


def test_a_path_of_the_architecture_takes_twelve_files_at_most() -> None:
    for path in (FOLDER / "architecture.md").read_text().split("\n## Path ")[1:]:
        assert len(set(re.findall(r"`([\w/]+\.py)`", path))) <= 12


def test_each_item_of_a_list_begins_a_line() -> None:
    """A tool that wraps lines may join `- one` and `- two` into running text."""
    for page in (*FOLDER.glob("*.md"), *ROOT.glob("*.md")):
        text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        prose = "\n".join(line for line in text.splitlines() if not line.startswith("|"))
        assert re.findall(r".*[.;:] (?:-|\d+\.) .*", prose) == [], page.name
