"""Versions of templates: a hash of the files of which a message may be made."""

from pathlib import Path

import pytest

from notifier.templates import Templates

FILES = {
    "hello/subject.txt": "Hello",
    "hello/body.html": "{% extends 'layout.html' %}",
    "bye/subject.txt": "Bye",
    "bye/body.txt": "Bye",
    "layout.html": "<p></p>",
    "inline.css": "p {}",
}


def version(folder: Path, name: str = "hello", **changes: str) -> str:
    for path, text in (FILES | changes).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return Templates(folder).version(name)


def test_the_same_files_have_the_same_version(tmp_path: Path) -> None:
    first = version(tmp_path / "one")
    assert first == version(tmp_path / "two")
    name, _, digits = first.partition("@")
    assert (name, len(digits)) == ("hello", 8)


@pytest.mark.parametrize("path", ["hello/subject.txt", "hello/body.de.html", "layout.html", "inline.css"])
def test_a_change_of_its_files_or_of_what_all_share_is_another_version(tmp_path: Path, path: str) -> None:
    assert version(tmp_path / "one") != version(tmp_path / "two", **{path: "changed"})


def test_a_change_of_another_template_is_none(tmp_path: Path) -> None:
    assert version(tmp_path / "one") == version(tmp_path / "two", **{"bye/body.txt": "changed"})
    assert Templates(tmp_path / "two").version("bye") != Templates(tmp_path / "one").version("bye")
