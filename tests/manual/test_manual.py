"""The manual is built without a warning, and needs nothing of the network to be read."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from docs.manual import PAGES, nested

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manual")
    done = built(folder)
    assert done.returncode == 0, done.stderr
    return folder


def built(folder: Path, settings: Path = ROOT / "mkdocs.yml") -> subprocess.CompletedProcess[str]:
    words = ["-m", "mkdocs", "build", "--strict", "--config-file", str(settings), "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


class Page(HTMLParser):
    """The addresses that a page loads by itself, those that it links, and the names of its sections."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.sections: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.sections.add(given.get("id", ""))
        if tag == "a":
            self.linked.append(given.get("href", ""))
        elif tag == "link":
            self.loaded.append(given.get("href", ""))
        else:
            self.loaded.append(given.get("src", ""))


@pytest.fixture(scope="module")
def pages(manual: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in manual.rglob("*.html")}


def test_no_page_loads_anything_from_elsewhere(manual: Path, pages: dict[Path, Page]) -> None:
    assert len(pages) > 45
    assert {each for page in pages.values() for each in page.loaded if "//" in each} == set()
    styles = "".join(path.read_text() for path in manual.rglob("*.css"))
    assert re.findall(r"url\((?![\"']?(?:data:|\.\./|#))[^)]*\)|@import[^;]*", styles) == []


def test_diagrams_are_drawn_by_the_copy_that_comes_with_the_manual(manual: Path, pages: dict[Path, Page]) -> None:
    """Otherwise the theme loads it from elsewhere as soon as a page has a diagram."""
    assert 'class="mermaid"' in (manual / "states.html").read_text()
    for page in ("states.html", "how-it-works.html"):
        assert "assets/mermaid/mermaid.min.js" in pages[manual / page].loaded
    vendored = (manual / "assets/mermaid/mermaid.min.js").read_bytes()  # 11.17.2, of the package on npm
    assert hashlib.sha256(vendored).hexdigest() == "581ed7d74bd9048d0e3a91363927d72ef22942d7722546b27f7cc29e35390eb8"


def test_each_link_within_the_manual_leads_to_a_section(manual: Path, pages: dict[Path, Page]) -> None:
    checked = 0
    for path, page in pages.items():
        for link in page.linked:
            if re.match(r"[a-z]+:", link) or path.name == "404.html":
                continue
            file, _, section = link.partition("#")
            target = (path.parent / file).resolve() if file not in ("", ".") else path
            assert target.exists(), (path.name, link)
            if section and target in pages:
                assert section in pages[target].sections | {"__codelineno"}, (path.name, link)
            checked += 1
    assert checked > 2000


def test_each_page_of_the_docs_is_in_the_navigation(pages: dict[Path, Page]) -> None:
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    named = re.findall(r"([\w-]+\.md)$", navigation, re.MULTILINE)
    assert len(named) == len(set(named))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} | set(PAGES.values()) == set(named)


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    """Of a copy of the pages, one of which links what is not there."""
    settings = broken(tmp_path, "See [there](nowhere.md), [here](tutorial.md#nowhere) and [it](../nowhere.py).\n")
    done = built(tmp_path / "built", settings)
    assert done.returncode != 0
    for target in ("'nowhere.md'", "'tutorial.md#nowhere'", "'../nowhere.py'"):
        assert target in done.stderr


def broken(folder: Path, text: str) -> Path:
    for page in ROOT.glob("docs/*.md"):
        (folder / "docs").mkdir(exist_ok=True)
        (folder / "docs" / page.name).write_text(page.read_text() + (text if page.name == "later.md" else ""))
    for name in ("assets", "images"):
        (folder / "docs" / name).symlink_to(ROOT / "docs" / name)
    for image in ROOT.glob("docs/*.svg"):
        (folder / "docs" / image.name).symlink_to(image)
    settings = folder / "mkdocs.yml"
    hook = f"hooks: [{ROOT / 'docs/manual.py'}]"
    settings.write_text((ROOT / "mkdocs.yml").read_text().replace("hooks: [docs/manual.py]", hook))
    return settings


def test_what_belongs_to_an_item_of_a_list_is_indented_by_four() -> None:
    def lines() -> Iterator[str]:
        yield from (
            "1. First:",
            "",
            "   ```console",
            "   $ run",
            "     indented",
            "   ```",
            "   - inner",
            "     more",
        )
        yield from ("2. Second", "   goes on", "", "Text", "- item", "  goes on")

    assert list(nested(lines())) == [
        *("1. First:", "", "    ```console", "    $ run", "      indented", "    ```", "    - inner", "        more"),
        *("2. Second", "    goes on", "", "Text", "- item", "    goes on"),
    ]
