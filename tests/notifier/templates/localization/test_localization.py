"""Dates, numbers, amounts of money and translations in the message's locale."""

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest

from notifier.errors import TemplateError
from notifier.templates import Templates
from notifier.templates.compiled import MOST_LOCALES, CompiledTemplate

PO = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Hello %(name)s"
msgstr "Hallo %(name)s"

msgid "%(num)d view"
msgid_plural "%(num)d views"
msgstr[0] "%(num)d Aufruf"
msgstr[1] "%(num)d Aufrufe"

#, fuzzy
msgid "Bye"
msgstr "Falsch"
"""
CATALOGUE = "locales/de/LC_MESSAGES/messages.po"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Templates]:
    def write(**files: str) -> Templates:
        for name, text in {"a/subject.txt": "S", "a/body.txt": "T", **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, "utf-8")
        return Templates(tmp_path)

    return write


AT = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "value", "locale", "shown"),
    [
        ("{{ v | date }}", AT, None, "Jan 31, 2026"),
        ("{{ v | date }}", AT, "de-AT", "31.01.2026"),
        ("{{ v | date('long') }}", "2026-01-31", "pt-BR", "31 de janeiro de 2026"),
        ("{{ v | date('long') }}", date(2026, 1, 31), "fr", "31 janvier 2026"),
        ("{{ v | date('d. MMMM') }}", AT.timestamp(), "de", "31. Januar"),
        ("{{ v | date('short', zone='Europe/Berlin') }}", AT, "de", "01.02.26"),
        ("{{ v | datetime('short', zone='Europe/Berlin') }}", "2026-01-31T23:30:00Z", "de", "01.02.26, 00:30"),
        ("{{ v | datetime('short') }}", "2026-01-31T23:30:00", "de", "31.01.26, 23:30"),
        ("{{ v | number }}", Decimal("1234567.891"), "de", "1.234.567,891"),
        ("{{ v | number }}", 1234, "en", "1,234"),
        ("{{ v | number(2) }}", Decimal("1234.5"), "de", "1.234,50"),
        ("{{ v | number(0) }}", "1234.5", "de", "1.234"),
        ("{{ v | currency('EUR') }}", Decimal("1234.5"), "de", "1.234,50\u00a0€"),
        ("{{ v | currency('JPY') }}", 1234, "en", "¥1,234"),
        ("{{ v | number }}", 1234, "xx-klingon", "1,234"),
        ("{{ 1234 | number }}", None, "de", "1.234"),
    ],
)
def test_values_as_people_write_them(
    write: Callable[..., Templates], body: str, value: Any, locale: str | None, shown: str
) -> None:
    assert write(**{"a/body.txt": body}).render("a", {"v": value}, locale).text == shown


@pytest.mark.parametrize(
    ("body", "value", "says"),
    [
        ("{{ v | date }}", "tomorrow", "the value is no date"),
        ("{{ v | date }}", None, "a NoneType is no date"),
        ("{{ v | date(zone='Mars/X') }}", AT, "'Mars/X' is no time zone"),
        ("{{ v | datetime }}", 1e300, "the value is no date"),
        ("{{ v | number }}", "secret", "the text is no number"),
        ("{{ v | currency('EUR') }}", [], "a list is no number"),
    ],
)
def test_values_that_are_none(write: Callable[..., Templates], body: str, value: Any, says: str) -> None:
    with pytest.raises(TemplateError, match=rf"body\.txt, line 1: .*{says}") as raised:
        write(**{"a/body.txt": body}).render("a", {"v": value})
    assert "secret" not in str(raised.value)


def test_a_package_that_is_missing_is_named(write: Callable[..., Templates], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "babel.core", None)
    with pytest.raises(TemplateError, match=r"dynamodb-notifier\[templates\]"):
        write(**{"a/body.txt": "{{ 1 | number }}"}).render("a", {}, "sv")
    monkeypatch.setitem(sys.modules, "babel.messages.pofile", None)
    with pytest.raises(TemplateError, match=r"dynamodb-notifier\[templates\]"):
        write(**{CATALOGUE: PO}).check()


BODY = "{% trans %}Hello {{ name }}{% endtrans %}, {{ ngettext('%(num)d view', '%(num)d views', n) }}. {{ _('Bye') }}"


def test_texts_in_the_language_of_the_message(write: Callable[..., Templates]) -> None:
    templates = write(**{"a/body.txt": BODY, "a/body.html": f"<p>{BODY}</p>", "a/sms.txt": BODY, CATALOGUE: PO})
    templates.check()
    mail = templates.render("a", {"name": "<Ana>", "n": 1}, "de-AT")
    assert mail.text == "Hallo <Ana>, 1 Aufruf. Bye"
    assert mail.html == "<p>Hallo &lt;Ana&gt;, 1 Aufruf. Bye</p>"
    assert templates.render("a", {"name": "Bo", "n": Decimal(2)}, "fr").text == "Hello Bo, 2 views. Bye"
    assert templates.render("a", {"name": "Bo", "n": 2}).text == "Hello Bo, 2 views. Bye"
    assert templates.text("a", "sms.txt", {"name": "Bo", "n": 2}, "de") == "Hallo Bo, 2 Aufrufe. Bye"


def test_a_macro_of_another_file_speaks_the_language_too(write: Callable[..., Templates]) -> None:
    macro = "{% macro hello(name) %}{{ _('Hello %(name)s', name=name) }} {{ 1234 | number }}{% endmacro %}"
    body = "{% from 'macros.txt' import hello %}{{ hello('Ana') }}"
    templates = write(**{"macros.txt": macro, "a/body.txt": body, CATALOGUE: PO})
    for locale, shown in (("de", "Hallo Ana 1.234"), (None, "Hello Ana 1,234"), ("de", "Hallo Ana 1.234")):
        assert templates.render("a", {}, locale).text == shown


@pytest.mark.parametrize(
    "body",
    [
        "{% import 'shared.txt' as shared %}{{ shared.greeting }}",
        "{% from 'shared.txt' import greeting %}{{ greeting }}",
        "{% include 'shared.txt' without context %}",
    ],
)
def test_what_sees_no_values_is_in_the_language_of_each_message(write: Callable[..., Templates], body: str) -> None:
    shared = "{% set greeting = _('Hello %(name)s', name='Ana') %}{{ greeting }}"
    templates = write(**{"shared.txt": shared, "a/body.txt": body, CATALOGUE: PO})
    shown = [templates.render("a", {}, locale).text for locale in ("de", "en", None, "de")]
    assert shown == ["Hallo Ana", "Hello Ana", "Hello Ana", "Hallo Ana"]


def test_of_how_many_languages_what_is_imported_is_kept(write: Callable[..., Templates]) -> None:
    templates = write(**{"shared.txt": "", "a/body.txt": "{% import 'shared.txt' as shared %}"})
    for locale in [*(f"x{number}" for number in range(2 * MOST_LOCALES)), "x" * 1_000, ["no text"]]:
        templates.render("a", {}, cast("Any", locale))  # an item may hold anything
    shared = templates._text.get_template("shared.txt")
    assert isinstance(shared, CompiledTemplate)
    assert 0 < len(shared.modules) <= MOST_LOCALES
    assert "x" * 1_000 not in shared.modules


def test_threads_do_not_share_a_locale(write: Callable[..., Templates]) -> None:
    templates = write(**{"a/body.txt": "{{ pause() }}{{ 1234 | number }}"})
    shown = dict[str, str]()

    def render(locale: str, pause: Callable[[], str]) -> None:
        shown[locale] = templates.render("a", {"pause": pause}, locale).text

    def other() -> str:
        thread = Thread(target=render, args=("en", str))
        thread.start()
        thread.join()
        return ""

    render("de", other)
    assert shown == {"de": "1.234", "en": "1,234"}


def test_remarks_name_what_a_catalogue_lacks(write: Callable[..., Templates]) -> None:
    templates = write(**{"a/body.txt": BODY, CATALOGUE: PO})
    assert templates.remarks(["email"]) == [
        f"{CATALOGUE} translates 2 of the 3 texts of templates; the first that it lacks: 'Bye'"
    ]


@pytest.mark.parametrize(
    "broken", ["this is no catalogue", PO.replace("n != 1", "n !"), PO.replace("utf-8", "utf-99")]
)
def test_a_broken_catalogue_is_named(write: Callable[..., Templates], broken: str) -> None:
    with pytest.raises(TemplateError, match=r"messages\.po is no catalogue that can be read"):
        write(**{CATALOGUE: broken}).check()
