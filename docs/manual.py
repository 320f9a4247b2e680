"""A hook of MkDocs that makes the manual of the repository's own pages. mkdocs.yml names it; `make docs` builds it.

README, CHANGELOG, CONTRIBUTING and SECURITY become pages of it. Links in all pages are those of the repository, so
that they lead somewhere where files are read one by one, too. Here a link to a file outside `docs/` becomes one to a
copy of it, as text, within the manual. A link to a file that does not exist stays as it is, and MkDocs warns of it.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
}
"""Files outside docs/ that are pages, and their addresses."""

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")
_MARKER = re.compile(r" {0,3}(?:[-*+]|\d+\.) +")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)


def on_config(config: Any) -> Any:
    """Put pages that the navigation does not name at its end, so that each can be found."""
    named = set(re.findall(r"'([^']+\.md)'", repr(config.nav)))
    others = sorted({path.name for path in Path(config.docs_dir).glob("*.md")} - named)
    if others:
        config.nav.append({"More": others})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages outside docs/, and a copy of each file that a page links."""
    for source, address in PAGES.items():
        files.append(File.generated(config, address, content=(ROOT / source).read_text()))
    for page in files.documentation_pages():
        for target in map(str, _LINK.findall(_without_code(page.content_string))):
            path = _path(_source(page.src_uri), target)
            copy = _copy(path)
            if copy and files.get_file_from_path(copy) is None:
                files.append(File.generated(config, copy, content=(ROOT / path).read_text()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the text of the page with links that hold within the manual."""
    source = _source(page.file.src_uri)
    parts = _CODE.split("\n".join(nested(markdown.splitlines())))  # the odd ones are code
    parts[::2] = [_LINK.sub(lambda link: _address(source, link[1]), each) for each in parts[::2]]
    return "".join(parts)


def nested(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines with what belongs to a list item indented by four spaces for each level.

    In the repository it is indented to the text of its item, as GitHub and others read it. The Markdown of the manual
    takes a paragraph or code that is indented by less than four spaces for one that follows the list.
    """
    levels: list[int] = []  # for each open item the column of its text
    fenced = False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        while levels and line.strip() and indent < levels[-1] and not fenced:
            levels.pop()
        text = line[min(indent, levels[-1]) :] if levels else line
        yield (" " * 4 * len(levels) + text).rstrip()
        if text.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and (marker := _MARKER.match(text)):
            levels.append((levels[-1] if levels else 0) + len(marker[0]))


def _without_code(text: str) -> str:
    return _CODE.sub("", text)


def _source(address: str) -> str:
    """Return the path in the repository of the page of that address."""
    return {address: source for source, address in PAGES.items()}.get(address, f"docs/{address}")


def _path(source: str, target: str) -> str:
    """Return the path in the repository to which `target` leads from the file `source`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _address(source: str, target: str) -> str:
    path = _path(source, target)
    return PAGES.get(path) or _copy(path) or (path.removeprefix("docs/") if path.startswith("docs/") else target)


def _copy(path: str) -> str | None:
    """Return the address of the copy of a file. None for one in docs/, for a page, and if there is none."""
    if path.startswith(("docs/", "../")) or path in PAGES or not (ROOT / path).is_file():
        return None
    return f"repository/{path}.txt"
