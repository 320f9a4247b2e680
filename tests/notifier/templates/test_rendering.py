import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from notifier.errors import SettingsError, TemplateError
from notifier.messages import EmailContent
from notifier.settings import Settings
from notifier.templates import Templates, templates_folder
from notifier.text import sound

Write = Callable[..., Templates]
PLAIN = {"a/subject.txt": "S", "a/body.txt": "T"}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    folder = tmp_path / "templates"

    def write(files: dict[str, str] | None = None) -> Templates:
        for path, text in (PLAIN | (files or {})).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, "utf-8")
        return Templates(folder)

    return write


def html(templates: Templates, **context: Any) -> str:
    rendered = templates.render("a", context).html
    assert rendered is not None
    return rendered


def test_a_template_has_three_parts(write: Write) -> None:
    templates = write({"a/subject.txt": "Hi {{ n }}", "a/body.txt": "Dear {{ n }}", "a/body.html": "<b>{{ n }}</b>"})
    assert templates.render("a", {"n": "Ana"}) == EmailContent("Hi Ana", "Dear Ana", "<b>Ana</b>")


def test_html_may_be_missing(write: Write) -> None:
    assert write().render("a", {}) == EmailContent("S", "T", None)


def test_html_is_escaped_and_text_is_not(write: Write) -> None:
    templates = write({"a/subject.txt": "{{ n }}", "a/body.txt": "{{ n }}", "a/body.html": "<a title='{{ n }}'>"})
    evil = "<script>&'\""
    content = templates.render("a", {"n": evil})
    assert content == EmailContent(evil, evil, "<a title='&lt;script&gt;&amp;&#39;&#34;'>")


def test_a_text_file_included_in_html_is_escaped(write: Write) -> None:
    templates = write({"shared.txt": "{{ n }}", "a/body.html": "{% include 'shared.txt' %}"})
    assert html(templates, n="<b>") == "&lt;b&gt;"


def test_layouts_are_shared(write: Write) -> None:
    templates = write(
        {
            "layout.html": "<main>{% block content %}{% endblock %}</main>",
            "parts/bold.html": "{% macro bold(t) %}<b>{{ t }}</b>{% endmacro %}",
            "a/body.html": "{% extends 'layout.html' %}{% from 'parts/bold.html' import bold %}"
            "{% block content %}{{ bold(n) }}{% endblock %}",
        }
    )
    templates.check()
    assert templates.names() == ["a"]
    assert html(templates, n="<i>") == "<main><b>&lt;i&gt;</b></main>"


@pytest.mark.parametrize(
    ("locale", "subject", "text"),
    [
        (None, "S", "T"),
        ("fr", "S", "T"),
        ("pt", "S", "T pt"),
        ("pt-BR", "S br", "T pt"),
        ("pt_br", "S br", "T pt"),
        ("pt-BR-x-old", "S br", "T pt"),
        ("pt-BR-" + "x-" * 50, "S br", "T pt"),
        ("PT-pt", "S", "T pt"),
        ("", "S", "T"),
        ("../b", "S", "T"),
        (7, "S", "T"),
    ],
)
def test_locales_fall_back(locale: Any, subject: str, text: str, write: Write) -> None:
    templates = write({"a/subject.pt-BR.txt": "S br", "a/body.pt.txt": "T pt"})
    assert templates.render("a", {}, locale) == EmailContent(subject, text, None)


def test_an_unknown_locale_is_not_cached(write: Write) -> None:
    templates = write()
    for number in range(50):
        templates.render("a", {}, f"x{number}")
    assert len(templates._compiled) == 1


def test_rendering_reads_no_file(write: Write, tmp_path: Path) -> None:
    templates = write({"layout.html": "{% block b %}{% endblock %}", "a/body.html": "{% extends 'layout.html' %}"})
    templates.check()
    before = templates.render("a", {}, "de")
    shutil.rmtree(tmp_path / "templates")
    assert templates.render("a", {}, "de") == before


def test_a_subject_is_one_line(write: Write) -> None:
    templates = write({"a/subject.txt": "\n  Hi\t{{ n }} \n\n there\n"})
    value = "Ana\r\nBcc: eve@example.com\x0b\x0c\x85\u2028\u2029 x"
    assert templates.render("a", {"n": value}).subject == "Hi Ana Bcc: eve@example.com\ufffd\ufffd\ufffd x there"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(categories=None)))
def test_any_value_makes_a_mail_that_can_be_sent(write: Write, value: str) -> None:
    templates = write({"a/subject.txt": "{{ n }}", "a/body.txt": "{{ n }}", "a/body.html": "{{ n }}"})
    content = templates.render("a", {"n": value})
    for part in (content.subject, content.text, content.html):
        assert part is not None
        assert part == sound(part)
        part.encode("utf-8")
    assert content.subject == "" or content.subject.splitlines() == [content.subject]


def test_control_characters_are_replaced(write: Write) -> None:
    templates = write({"a/body.txt": "{{ n }}"})
    assert templates.render("a", {"n": "a\0b\ud83d c\n\U0001f600é"}).text == "a\ufffdb\ufffd c\n\U0001f600é"


def fails() -> None:
    raise KeyError("gone")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("one\n{{ nmae }}", r"a/body.html, line 2: 'nmae' is undefined; the context has fails, name, user"),
        ("{{ user.mail }}", r"a/body.html, line 1: 'dict object' has no attribute 'mail'"),
        ("\n\n{{ 1 / 0 }}", r"a/body.html, line 3: ZeroDivisionError$"),
        ("{{ name.__class__.__mro__ }}", r"a/body.html, line 1: SecurityError: .*unsafe"),
        ("{{ user.update({'a': 1}) }}", r"a/body.html, line 1: SecurityError: "),
        ("{% for i in range(10 ** 9) %}{% endfor %}", r"a/body.html, line 1: OverflowError$"),
        ("{% include name %}", r"a/body.html, line 1: TemplateNotFound: 'Ana' is not in "),
        ("{% include '../secret.txt' %}", r"a/body.html, line 1: TemplateNotFound: '../secret.txt' is not in "),
        ("{% include '/etc/hosts' %}", r"a/body.html, line 1: TemplateNotFound: '/etc/hosts' is not in "),
        ("{{ fails() }}", r"a/body.html, line 1: KeyError$"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", r"a/body.html, line 1: RecursionError$"),
        ("{% extends 'layout.html' %}", r"layout.html, line 2: 'gone' is undefined"),
    ],
)
def test_an_error_while_rendering_names_its_place(body: str, told: str, write: Write, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    templates = write({"layout.html": "\n{{ gone }}", "a/body.html": body})
    with pytest.raises(TemplateError, match=told):
        templates.render("a", {"name": "Ana", "user": {}, "fails": fails})


def test_a_context_that_is_none(write: Write) -> None:
    with pytest.raises(TemplateError, match="TypeError"):
        write().render("a", 7)  # type: ignore[arg-type]


def test_an_error_text_can_be_stored(write: Write) -> None:
    def odd() -> None:
        raise jinja2.TemplateError("\0 \ud800")

    with pytest.raises(TemplateError) as raised:
        write({"a/body.txt": "{{ odd() }}"}).render("a", {"odd": odd})
    assert str(raised.value).endswith("TemplateError: \ufffd \ufffd")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("frend_request", r"no template 'frend_request' in .*templates; the nearest: friend_request$"),
        ("zzz", r"no template 'zzz' in .*; the nearest: a, friend_request$"),
        ("", r"no template ''"),
        ("..", r"no template '\.\.'"),
        ("../templates/a", r"no template"),
        ("A", r"no template 'A'"),
    ],
)
def test_a_template_that_is_missing(name: str, told: str, write: Write) -> None:
    templates = write({"friend_request/subject.txt": "S", "friend_request/body.txt": "T"})
    with pytest.raises(TemplateError, match=told):
        templates.render(name, {})


def test_a_part_that_is_missing(write: Write) -> None:
    templates = write({"b/body.html": "<p>"})
    for broken in (templates.check, lambda: templates.render("b", {})):
        with pytest.raises(TemplateError, match=r"'b' has no subject.txt; write .*b/subject.txt$"):
            broken()
    templates = write({"b/subject.txt": "S", "c/subject.txt": "S"})
    with pytest.raises(TemplateError, match=r"'c' has no body.txt"):
        templates.check()


def test_a_translation_alone_is_not_a_template(write: Write) -> None:
    templates = write({"b/subject.de.txt": "S", "b/body.de.txt": "T"})
    assert templates.render("b", {}, "de") == EmailContent("S", "T", None)
    with pytest.raises(TemplateError, match=r"'b' has no subject.txt"):
        templates.render("b", {}, "en")
    with pytest.raises(TemplateError, match=r"'b' has no subject.txt"):
        templates.check()


def test_a_part_of_another_channel_needs_no_other_part(write: Write) -> None:
    templates = write({"b/sms.txt": "{{ n }}", "b/sms.pt.txt": "pt {{ n }}", "a/sms.txt": "\0{{ n }}"})
    templates.check()
    assert templates.names() == ["a"]
    assert templates.text("b", "sms.txt", {"n": "<b>"}) == "<b>"
    assert templates.text("b", "sms.txt", {"n": 1}, "pt-BR") == "pt 1"
    assert templates.text("a", "sms.txt", {"n": 1}) == "\ufffd1"


@pytest.mark.parametrize(
    ("name", "part", "told"),
    [
        ("a", "sms.txt", r"'a' has no sms.txt; write .*a/sms.txt$"),
        ("bb", "sms.txt", r"no template 'bb' in .*; the nearest: b$"),
        ("b", "chat.txt", r"'b' has no chat.txt"),
        ("b", "sms.txt", r"b/sms.txt, line 1: 'n' is undefined"),
    ],
)
def test_a_part_for_another_channel_that_cannot_be_rendered(name: str, part: str, told: str, write: Write) -> None:
    templates = write({"b/sms.txt": "{{ n }}"})
    with pytest.raises(TemplateError, match=told):
        templates.text(name, part, {})


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"no template folder .*none; create it, or set NOTIFIER_TEMPLATES"):
        Templates(tmp_path / "none")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"it holds none at all"):
        Templates(tmp_path).render("a", {})


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("a/body.html", "x\n{% if %}", r"a/body.html, line 2: Expected an expression"),
        ("a/body.txt", "\n\n{{ x | nofilter }}", r"a/body.txt, line 3: No filter named 'nofilter'"),
        ("a/body.de.html", "{% block %}", r"a/body.de.html, line 1: "),
        ("layout.html", "{% endblock %}", r"layout.html, line 1: "),
        ("a/body.html", "{% extends 'layuot.html' %}", r"a/body.html needs 'layuot.html', which is not there"),
    ],
)
def test_check_finds_broken_templates(path: str, text: str, told: str, write: Write) -> None:
    templates = write({path: text})
    with pytest.raises(TemplateError, match=told):
        templates.check()


def test_an_error_is_placed_in_a_folder_given_as_relative(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write({"a/body.txt": "{{ gone }}"})._files.folder
    monkeypatch.chdir(folder)
    with pytest.raises(TemplateError, match=r"a/body.txt, line 1: 'gone' is undefined; the context has nothing"):
        Templates(Path()).render("a", {})


def test_a_file_that_is_not_utf8(write: Write, tmp_path: Path) -> None:
    templates = write()
    (tmp_path / "templates/a/body.txt").write_bytes(b"\xff")
    with pytest.raises(TemplateError, match=r"a/body.txt cannot be read"):
        templates.check()


def test_links_are_followed_within_the_folder_only(write: Write, tmp_path: Path) -> None:
    """A ConfigMap is mounted as links into a hidden folder beside them."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.txt").write_text("secret")
    folder = write({"..data/b/subject.txt": "S", "..data/b/body.txt": "T"})._files.folder
    (folder / "b").symlink_to(folder / "..data/b")
    (folder / "out").symlink_to(tmp_path / "outside")
    (folder / "secret.txt").symlink_to(tmp_path / "outside/secret.txt")
    (folder / "a/loop").symlink_to(folder)
    templates = Templates(folder)
    templates.check()
    assert templates.names() == ["a", "b"]
    assert templates.render("b", {}).subject == "S"
    assert not [path for path in templates._files.paths if "secret" in path]


def test_where_the_folder_comes_from() -> None:
    given = {"database_url": "postgresql://nowhere/none", "broker_url": "redis://nowhere"}
    here = Path("app") / "notifications.py"
    assert templates_folder(Settings(**given, templates=""), here) == Path("app/templates")
    assert templates_folder(Settings(**given, templates="mails"), here) == Path("mails")
    assert templates_folder(Settings(**given, templates="mails"), None) == Path("mails")
    with pytest.raises(SettingsError, match="NOTIFIER_TEMPLATES"):
        templates_folder(Settings(**given, templates=""), None)
