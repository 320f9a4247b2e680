"""The documents say what the code does."""

import re
from pathlib import Path

import pytest

from docs.generate import FOLDER, PAGES
from notifier.routes import Routes, routes_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


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
