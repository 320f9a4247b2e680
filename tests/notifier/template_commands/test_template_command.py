"""`notifier template`: new, check and preview, on real folders."""

import http.client
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from notifier.errors import UsageError
from notifier.template_commands.command import template
from notifier.template_commands.pages import pages
from notifier.template_commands.review import review
from notifier.template_commands.server import PreviewServer
from notifier.templates import Templates

SAMPLE = '{"name": "Ana"}'


def run(*arguments: str) -> Result:
    return CliRunner().invoke(template, list(arguments))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(**files: str) -> Path:
        for name, text in {"a/subject.txt": "S", "a/body.txt": "T", "samples/a.json": SAMPLE, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


def test_a_new_template_is_good_and_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    assert run("new", "shop/order_shipped", "--templates", str(folder)).exit_code == 0
    checked = run("check", "--strict", "--json", "--templates", str(folder))
    assert (checked.exit_code, json.loads(checked.stdout)) == (0, {"wrong": 0, "doubtful": 0, "remarks": []})
    mail = Templates(folder).render("shop/order_shipped", {"name": "Bo", "number": 1, "url": "https://e.com"})
    assert mail.subject == "Bo, your order 1 is on its way"
    (folder / "shop/order_shipped/body.html").unlink()
    (folder / "shop/order_shipped/subject.txt").write_text("mine")
    again = run("new", "shop/order_shipped", "--templates", str(folder))
    assert isinstance(again.exception, UsageError)
    assert (folder / "shop/order_shipped/subject.txt").read_text() == "mine"
    assert not (folder / "shop/order_shipped/body.html").exists()


@pytest.mark.parametrize("name", ["../a", "/a", "a/../b", "A b", "", "samples/x", "a/"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    assert isinstance(run("new", "--templates", str(tmp_path / "t"), "--", name).exception, UsageError)
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("files", "wrong", "says"),
    [
        ({"a/body.txt": "{{ nmae }}"}, True, "'nmae' is undefined; the context has name"),
        ({"a/body.de.txt": "{{ missing }}", "a/subject.de.txt": "S"}, True, "'missing' is undefined"),
        ({"a/body.txt": "{% if %}"}, True, "body.txt, line 1"),
        ({"samples/a.json": "{"}, True, "the context is not JSON"),
        ({"a/body.de.txt": "T"}, False, "but not subject.de.txt: its mails mix two languages"),
        ({"a/boddy.html": "T"}, False, "a/boddy.html is not read"),
        ({"b/subject.txt": "S", "b/body.txt": "T"}, False, "it has no samples/b.json"),
        ({"a/subject.txt": "x" * 71}, False, "the subject has 71 characters"),
        ({"a/body.html": "<a href='http://e.com/x'>x</a>"}, False, "the link http://e.com/x is not https"),
        ({"a/body.txt": "See http://e.com/x"}, False, "the link http://e.com/x is not https"),
        ({"a/body.html": '<img src="https://e.com/x.png">'}, False, "the image https://e.com/x.png has no alt"),
        ({"a/body.html": "x" * 100_001}, False, "100,001 bytes"),
        ({"b/subject.de.txt": "S", "b/body.de.txt": "T", "b/subject.txt": "S", "b/body.txt": "T",
          "samples/b.json": "{}"}, False, "a de: it has no translation de"),
    ],
)  # fmt: skip
def test_what_check_finds(write: Callable[..., Path], files: dict[str, str], wrong: bool, says: str) -> None:
    folder = write(**files)
    checked = run("check", "--templates", str(folder))
    assert says in checked.stdout
    assert checked.exit_code == int(wrong)
    assert any(each.wrong for each in review(Templates(folder))) is wrong
    assert run("check", "--strict", "--templates", str(folder)).exit_code == 1


def test_what_check_does_not_mind(write: Callable[..., Path]) -> None:
    html = '<a href="https://e.com">x</a><a href="mailto:a@e.com">y</a><img src="https://e.com/x.png" alt="">'
    folder = write(**{"a/body.html": html, "a/body.de-AT.html": html, "a/body.de-AT.txt": "x",
                      "a/subject.de-AT.txt": "x", "a/sms.txt": "hi"})  # fmt: skip
    assert review(Templates(folder)) == []


DARK = "<style>@media (prefers-color-scheme: dark) { p { color: #fff } }</style><p>Hi {{ name }}</p>"


def test_the_pages_show_each_language_in_both_colours(write: Callable[..., Path], tmp_path: Path) -> None:
    folder = write(
        **{"a/body.html": DARK, "a/body.de.html": "<p>Hallo {{ name }}</p>", "a/sms.txt": "sms {{ name }}"}
    )
    assert run("preview", "--templates", str(folder), "--out", str(tmp_path / "out")).exit_code == 0
    out = tmp_path / "out"
    index = (out / "index.html").read_text()
    for colours in ("light", "dark"):
        assert f'sandbox src="a/default/{colours}.html"' in index
        assert f'sandbox src="a/de/{colours}.html"' in index
        assert "Hi Ana" in (out / f"a/default/{colours}.html").read_text()
        assert "Hallo Ana" in (out / f"a/de/{colours}.html").read_text()
    assert "(min-width: 0px)" in (out / "a/default/dark.html").read_text()
    assert "(max-width: 0px)" in (out / "a/default/light.html").read_text()
    assert (out / "a/default/sms.txt").read_text() == "sms Ana"
    assert "sms Ana" in index


def test_what_a_template_says_is_text_on_the_page(write: Callable[..., Path]) -> None:
    folder = write(**{"a/subject.txt": "<script>{{ name }}", "b/subject.txt": "{{ <b> }}"})
    index = pages(Templates(folder))["index.html"]
    assert "&lt;script&gt;Ana" in index
    assert "<script" not in index
    assert "<b>" not in index


def test_the_server_renders_anew_and_answers_browsers_of_this_machine_only(write: Callable[..., Path]) -> None:
    folder = write(**{"a/body.html": DARK})
    with PreviewServer(0, lambda: pages(Templates(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            status, headers, text = get(server, "/")
            assert (status, "a/default/dark.html" in text) == (200, True)
            status, headers, text = get(server, "/a/default/dark.html")
            assert (status, "Hi Ana" in text) == (200, True)
            assert headers["Content-Security-Policy"].startswith("sandbox;")
            assert get(server, "/../../etc/passwd")[0] == 404
            assert get(server, "/", host="evil.example")[0] == 403
            (folder / "a/subject.txt").write_text("changed {{ name }}")
            assert "changed Ana" in get(server, "/")[2]
            (folder / "a/subject.txt").write_text("{% if %}")
            assert "A worker would not start" in get(server, "/")[2]
        finally:
            server.shutdown()
            thread.join()


def get(server: PreviewServer, path: str, host: str = "localhost") -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def test_a_port_that_is_taken(write: Callable[..., Path]) -> None:
    folder = write()
    with PreviewServer(0, dict) as server:
        taken = run("preview", "--no-browser", "--templates", str(folder), "--port", str(server.server_port))
    assert isinstance(taken.exception, UsageError)
    assert "choose another one with --port" in str(taken.exception)
