"""MJML and `inline.css`: compiled once for each file, with Jinja's tags in their places."""

from collections.abc import Callable
from pathlib import Path

import pytest

from notifier.errors import TemplateError
from notifier.templates import Templates
from notifier.templates.markup import mjml

MJML = """<mjml><mj-head><mj-title>{{ title }}</mj-title></mj-head><mj-body>{% for each in lines %}
<mj-section><mj-column>{% if each.n < 3 and each.n != 2 %}
<mj-text>{{ each.text }} &amp; {{ each["n"] }}</mj-text>{% endif %}
<mj-button href="{{ url }}?a={{ each.n }}">Go</mj-button></mj-column></mj-section>{% endfor %}
{# not in the mail #}</mj-body></mjml>"""
LINES = [{"n": n, "text": f"<line {n}>"} for n in (1, 2, 3)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Templates]:
    def write(**files: str) -> Templates:
        for name, text in {"a/subject.txt": "S", **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return Templates(tmp_path)

    return write


def test_tags_of_jinja_survive_mjml(write: Callable[..., Templates]) -> None:
    templates = write(**{"a/body.mjml": MJML})
    templates.check()
    assert templates.remarks(["email"]) == []
    mail = templates.render("a", {"title": "T", "lines": LINES, "url": "https://e.com/"})
    assert mail.html is not None
    assert "mj-" not in mail.html.replace("mj-column", "").replace("mj-outlook", "")
    assert "<title>T</title>" in mail.html
    assert mail.html.count("&lt;line ") == 1
    assert "&lt;line 1&gt; &amp; 1" in mail.html
    assert [mail.html.count(f'href="https://e.com/?a={n}"') for n in (1, 2, 3)] == [1, 1, 1]
    assert "<line 1> & 1\nGo (https://e.com/?a=1)\n" in mail.text
    assert mail.html.count("<tr") == mail.html.count("</tr>")


def test_mjml_is_compiled_once(write: Callable[..., Templates], monkeypatch: pytest.MonkeyPatch) -> None:
    import mrml

    calls = list[str]()
    compiled = mrml.to_html
    monkeypatch.setattr(mrml, "to_html", lambda text: (calls.append(text), compiled(text))[1])
    templates = write(**{"a/body.mjml": MJML})
    templates.check()
    assert len(calls) == 1
    for _ in range(3):
        templates.render("a", {"title": "T", "lines": LINES, "url": "u"})
    assert len(calls) == 1


def test_a_file_is_included_by_others(write: Callable[..., Templates]) -> None:
    body = '<mjml><mj-body><mj-include path="../parts/head.mjml" /></mj-body></mjml>'
    head = "<mj-section><mj-column><mj-text>Hi {{ name }}</mj-text></mj-column></mj-section>"
    templates = write(**{"a/body.mjml": body, "parts/head.mjml": head})
    templates.check()
    assert templates.remarks(["email"]) == []
    assert "Hi Ana" in templates.render("a", {"name": "Ana"}).text


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<mjml><mj-body>", "no MJML that can be read"),
        ("<mj-section></mj-section>", r"a/body\.mjml (has no <mjml>|is no MJML)"),
        ("<mjml><mj-body><mj-section><mj-column><mj-textt>x</mj-textt></mj-column></mj-section></mj-body></mjml>",
         "no <mj-textt>"),
        ('<mjml><mj-body><mj-include path="body.mjml" /></mj-body></mjml>', "included by itself"),
        ('<mjml><mj-body><mj-include path="none.mjml" /></mj-body></mjml>', r"none\.mjml"),
        ('<mjml><mj-head><mj-attributes><mj-all padding="{{ p }}" /></mj-attributes></mj-head></mjml>',
         "lose or move a tag of Jinja"),
    ],
)  # fmt: skip
def test_broken_mjml(write: Callable[..., Templates], body: str, says: str) -> None:
    with pytest.raises(TemplateError, match=says):
        write(**{"a/body.mjml": body}).check()


def test_an_include_does_not_leave_the_folder(write: Callable[..., Templates], tmp_path: Path) -> None:
    (tmp_path.parent / "outside.mjml").write_text("<mj-section>secret</mj-section>")
    body = '<mjml><mj-body><mj-include path="../../outside.mjml" /></mj-body></mjml>'
    with pytest.raises(TemplateError, match="outside of the folder"):
        write(**{"a/body.mjml": body}).check()


def test_html_beside_mjml_is_a_mistake(write: Callable[..., Templates]) -> None:
    templates = write(**{"a/body.mjml": MJML, "a/body.html": "x"})
    assert templates.remarks(["email"]) == ["a/body.html is not read: a/body.mjml is the same part; keep one of them"]


LAYOUT = """<!doctype html>
<html lang="{{ lang }}"><head><title>{{ t }}</title><style>@media print { .a { color: blue } }</style></head>
<body><table>{% for row in rows %}<tr class="a"><td>{{ row }}</td></tr>{% endfor %}</table>
{% block body %}{% endblock %}</body></html>"""


def test_rules_are_written_into_layouts_and_into_what_extends_them(write: Callable[..., Templates]) -> None:
    child = '{% extends "layout.html" %}{% block body %}<p class="{{ kind }} a">{{ "<" }}</p>{% endblock %}'
    css = ".a { color: red } tr.a { margin: 0 } .a:hover { color: blue }"
    templates = write(**{"layout.html": LAYOUT, "a/body.html": child, "inline.css": css})
    templates.check()
    assert templates.remarks(["email"]) == []
    html = templates.render("a", {"lang": "de", "t": "<T>", "rows": [1, 2], "kind": "k"}).html
    assert html is not None
    assert html.count('<tr class="a" style="') == 2
    assert '<p class="k a" style="color: red;">&lt;</p>' in html
    assert '<html lang="de">' in html
    assert "<title>&lt;T&gt;</title><style>@media print" in html
    assert "jinjatag" not in html


def test_a_file_that_a_parser_would_change_stays_as_it_is(write: Callable[..., Templates]) -> None:
    row = '<tr><td class="a">x</td></tr>'
    templates = write(**{"a/body.html": row, "inline.css": ".a { color: red }"})
    templates.check()
    [remark] = templates.remarks(["email"])
    assert remark.startswith("the rules of inline.css are not in a/body.html")
    assert templates.render("a", {}).html == row


@pytest.mark.parametrize(("file", "package"), [("a/body.mjml", "mrml"), ("inline.css", "css_inline")])
def test_a_package_that_is_not_installed_is_named(
    write: Callable[..., Templates], monkeypatch: pytest.MonkeyPatch, file: str, package: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    files = {"a/body.html": "x"} if file == "inline.css" else {}
    with pytest.raises(TemplateError, match=r"pip install 'dynamodb-notifier\[templates\]'"):
        write(**{**files, file: MJML}).check()


def test_an_include_names_its_own_depth() -> None:
    texts = {"a/b.mjml": '<mj-include path="b.mjml"></mj-include>'}
    with pytest.raises(TemplateError, match="by itself"):
        mjml.compiled_mjml("a/b.mjml", texts.__getitem__)
