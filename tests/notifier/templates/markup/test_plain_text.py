"""The plain text that a mail has whose template has HTML alone."""

import time
from pathlib import Path

import pytest

from notifier.errors import TemplateError
from notifier.templates import Templates
from notifier.templates.markup.plain_text import plain_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One &amp; two&nbsp;<b>three</b></p><p>four\n  five</p>", "One & two\u00a0three\n\nfour five\n"),
        ("<h1>Order</h1><p>x</p><h2>More</h2>", "Order\n=====\n\nx\n\nMore\n----\n"),
        ("<ul><li>a<li>b<ol><li>c</li><li>d</li></ol></li></ul>e", "- a\n- b\n  1. c\n  2. d\n\ne\n"),
        ('<a href="https://e.com/?a=1&amp;b=2">Your order</a>', "Your order (https://e.com/?a=1&b=2)\n"),
        ('<a href="https://e.com/">e.com</a>', "e.com\n"),
        ('<a href="mailto:a@e.com">a@e.com</a> <a href="mailto:b@e.com">Bo</a>', "a@e.com Bo (b@e.com)\n"),
        ('<a href="#top">Top</a> <a>x</a>', "Top x\n"),
        ('<a href="https://e.com"><img src="x" alt="Shop"></a>', "Shop (https://e.com)\n"),
        ("<table><tr><td>Cup</td><td>3 EUR</td></tr><tr><td>Pot</td><td>9 EUR</td></tr></table>",
         "Cup 3 EUR\nPot 9 EUR\n"),
        ("a<br>b<hr>c", "a\nb\n\n--------------------\n\nc\n"),
        ("<blockquote>said<br>so</blockquote>end", "> said\n> so\n\nend\n"),
        ("<pre>a\n  b</pre>", "a\n  b\n"),
        ('<title>t</title><style>p > a {x: y}</style>a<!-- b > c --><!--[if mso]><p>d</p><![endif]-->', "a\n"),
        ('<div style="display: none">preview <div>x</div></div><i aria-hidden="true">B</i>a', "a\n"),
        ('<p title="a > b">c</p>', "c\n"),
        ("", "\n"),
        ("&lt;b&gt; 1 < 2", "<b> 1 < 2\n"),
    ],
)  # fmt: skip
def test_what_html_says(html: str, text: str) -> None:
    assert plain_text(html) == text


def test_long_lines_are_broken_between_words_and_addresses_stay_whole() -> None:
    address = "https://example.com/" + "a" * 90
    text = plain_text(f"<ul><li>{'word ' * 30}</li></ul><p>See <a href='{address}'>it</a></p>")
    lines = text.splitlines()
    assert all(len(line) <= 78 or address in line for line in lines)
    assert lines[0].startswith("- word")
    assert lines[1].startswith("  word")
    assert f"({address})" in text


@pytest.mark.parametrize("sign", ["<a ", "<a b='", "<!--", "<div>", "&"])
def test_ten_times_as_much_markup_that_is_never_closed_takes_ten_times_as_long(sign: str) -> None:
    assert cpu_seconds(sign * 20_000) < 40 * cpu_seconds(sign * 2_000)  # a hundred times, if it backtracks


def cpu_seconds(html: str) -> float:
    """Return what it takes at best to read this, in seconds of this thread's CPU: other tests may run beside."""
    tries = []
    for _ in range(3):
        began = time.thread_time()
        plain_text(html)
        tries.append(time.thread_time() - began)
    return min(tries)


def test_a_template_without_text_has_one_of_its_html(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/subject.txt").write_text("S")
    with pytest.raises(TemplateError, match=r"no body\.txt"):
        Templates(tmp_path).check()
    (tmp_path / "a/body.html").write_text("<h1>Hi {{ name }}</h1>")
    templates = Templates(tmp_path)
    templates.check()
    assert templates.remarks(["email"]) == []
    mail = templates.render("a", {"name": "<Ana>"})
    assert (mail.html, mail.text) == ("<h1>Hi &lt;Ana&gt;</h1>", "Hi <Ana>\n========\n")
    (tmp_path / "a/body.txt").write_text("own")
    assert Templates(tmp_path).render("a", {"name": "x"}).text == "own"


def test_a_text_made_of_html_has_no_control_characters(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "subject.txt").write_text("S")
    (folder / "body.html").write_text("<p>one&#x81;two</p>")
    assert Templates(tmp_path).render("a", {}).text == "one\ufffdtwo\n"
