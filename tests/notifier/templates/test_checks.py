"""Files as editors write them, and the remarks about a folder of templates that a worker logs at its start."""

import codecs
import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from notifier.errors import TemplateError
from notifier.templates import Templates
from workers.command import _check_templates

WHOLE = ("a/subject.txt", "a/body.txt", "a/body.html")
CHANNELS = ("email", "sms", "webhook", "ntfy", "my_push")


def folder(path: Path, *files: str, **texts: str) -> Templates:
    for name in files:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(texts.get(name, "x"))
    return Templates(path)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF8 * 2])
def test_a_byte_order_mark_is_not_in_the_message(tmp_path: Path, mark: bytes) -> None:
    folder(tmp_path, *WHOLE, "a/sms.txt", "a/subject.de.txt", "part.txt", "layout.html")
    for path in tmp_path.rglob("*.*"):
        path.write_bytes(mark + b"x")
    (tmp_path / "a/body.txt").write_bytes(mark + b"{% include 'part.txt' %}")
    (tmp_path / "a/body.html").write_bytes(mark + b"{% extends 'layout.html' %}")
    templates = Templates(tmp_path)
    templates.check()
    for locale in (None, "de"):
        mail = templates.render("a", {}, locale)
        assert (mail.subject, mail.text, mail.html) == ("x", "x", "x")
    assert templates.text("a", "sms.txt", {}) == "x"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_file_in_another_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    folder(tmp_path, *WHOLE)
    (tmp_path / "a/body.txt").write_bytes("é\ufeff"[: 1 if encoding == "latin-1" else 2].encode(encoding) + b"\xff")
    with pytest.raises(TemplateError, match=r"a/body\.txt cannot be read: .*save it as UTF-8"):
        Templates(tmp_path).check()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            ["body.de.html"],
            "has a/body.de.html, but neither body.de.txt nor subject.de.txt: its mails mix two languages; write both",
        ),
        (["subject.de.txt", "body.de.html"], "but not body.de.txt: its mails mix two languages; write it"),
        (["subject.de.txt", "body.de.txt"], "but not body.de.html: its mails mix two languages; write it"),
        (["subject.de.txt"], "has a/subject.de.txt, but neither body.de.html nor body.de.txt"),
        (["subject.pt-BR.txt", "body.pt-BR.txt"], "translation pt-br of a .* but not body.pt-br.html"),
        (["subject.de.txt", "body.de.txt", "body.de.html", "body.de-AT.html"], None),
        (["subject.de.txt", "body.de.txt", "body.de.html", "sms.txt"], None),
        (["sms.de.txt"], None),
    ],
)
def test_a_translation_that_misses_a_part(tmp_path: Path, files: list[str], says: str | None) -> None:
    templates = folder(tmp_path, *WHOLE, *(f"a/{each}" for each in files))
    templates.check()
    remarks = templates.remarks(CHANNELS)
    if says is None:
        assert remarks == []
    else:
        [remark] = remarks
        assert re.search(says, remark), remark


def test_a_translation_of_a_text_mail_needs_no_html(tmp_path: Path) -> None:
    templates = folder(tmp_path, "a/subject.txt", "a/body.txt", "a/subject.de.txt", "a/body.de.txt")
    assert templates.remarks(CHANNELS) == []


@pytest.mark.parametrize(
    ("file", "nearest"),
    [
        ("a/boddy.html", "body.html"),
        ("a/body_de.html", "body.de.html"),
        ("a/body-de.txt", "body.de.txt"),
        ("a/bodyde.html", "body.html"),
        ("a/Body.html", "body.html"),
        ("a/BODY.TXT", "body.txt"),
        ("a/body.htm", "body.html"),
        ("a/body", "body.txt"),
        ("a/body.md", "body.txt"),
        ("a/body.html.j2", "body.html"),
        ("a/body.txt.html", "body.html"),
        ("a/body.german.html", "body.html"),
        ("a/body.de.at.html", "body.de.html"),
        ("a/subject.html", "subject.txt"),
        ("a/subject", "subject.txt"),
        ("a/subjekt.txt", "subject.txt"),
        ("a/subject_pt.txt", "subject.pt.txt"),
        ("a/sms_pt.txt", "sms.pt.txt"),
        ("a/smss.txt", "sms.txt"),
        ("a/sms.md", "sms.txt"),
        ("b/boddy.html", "body.html"),
    ],
)
def test_a_misnamed_part(tmp_path: Path, file: str, nearest: str) -> None:
    [remark] = folder(tmp_path, *WHOLE, file).remarks(CHANNELS)
    assert remark == (f"{file} is not read: no part of a message has this name; the nearest is {nearest}")


def test_a_part_outside_of_its_template(tmp_path: Path) -> None:
    [remark] = folder(tmp_path, *WHOLE, "body.html").remarks(CHANNELS)
    assert (
        remark == "body.html is not read: a part of a message lies in the folder of its template, as NAME/body.html"
    )


def test_a_file_that_is_not_used_is_reported(tmp_path: Path) -> None:
    [remark] = folder(tmp_path, *WHOLE, "a/content.html").remarks(CHANNELS)
    assert remark.startswith(
        "a/content.html is not read: it is no part of a message (body.html, body.txt, subject.txt)"
    )


@pytest.mark.parametrize(
    "file",
    ["a/sms.txt", "a/ntfy.txt", "a/ntfy_title.txt", "a/my_push.txt", "a/sms.de.txt", "a/logo.png", "parts/bold.html",
     "layout.html", "a/.body.html.swp", "a/body.html~", "email.html"],
)  # fmt: skip
def test_correct_folders_have_no_remarks(tmp_path: Path, file: str) -> None:
    assert folder(tmp_path, *WHOLE, file).remarks(CHANNELS) == []


@pytest.mark.parametrize("reference", ["{% include 'a/body_part.html' %}", "{% import 'a/body_part.html' as p %}"])
def test_included_files_count_as_used(tmp_path: Path, reference: str) -> None:
    folder(tmp_path, *WHOLE, "a/body_part.html")
    (tmp_path / "a/body.html").write_text(reference)
    assert Templates(tmp_path).remarks(CHANNELS) == []


def test_a_worker_logs_remarks_when_it_starts(tmp_path: Path) -> None:
    with capture_logs() as told:
        _check_templates(folder(tmp_path, *WHOLE, "a/boddy.html", "a/body.de.html"))
    assert [(each["log_level"], each["folder"]) for each in told] == [("warning", str(tmp_path))] * 2
    assert "a/body.de.html, but neither body.de.txt" in told[0]["remark"]
    assert "the nearest is body.html" in told[1]["remark"]


def test_the_examples_have_no_remarks() -> None:
    assert Templates(Path("examples/templates")).remarks(CHANNELS) == []
