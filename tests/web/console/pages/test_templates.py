"""The page *Templates*: what there is, what is probably wrong, and previews with values of one's own."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.notifier.preview.project import Project, project
from tests.web.console.pages.test_routes import text_of
from tests.web.console.person import Person
from web.console.app import Console

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["project"]


def test_parts_languages_and_remarks(project: Project, viewer: Person) -> None:
    project.template("hello/sms.txt", "Hi {{ name }}")
    project.template("hello/body.fr.txt", "Cher {{ name }}")
    page = text_of(viewer.get("/templates/list").text)
    assert "body.html default" in page
    assert "body.txt default, de, fr" in page
    assert "sms.txt default" in page
    assert "the translation fr of hello has hello/body.fr.txt, but neither" in page
    assert "/templates/preview" not in viewer.get("/templates/list").text


def test_a_broken_template_is_named(project: Project, viewer: Person) -> None:
    project.template("hello/body.txt", "{% if %}")
    assert "A worker would not start:" in text_of(viewer.get("/templates/list").text)


def test_a_preview_begins_with_the_sample(project: Project, operator: Person) -> None:
    project.template("samples/hello.json", '{"name": "Zoë"}')
    project.template("hello/sms.txt", "Hi {{ name }}")
    page = operator.post("/templates/preview", template="hello").text
    assert "Hello Zoë" in page
    assert "1: 6 characters in UCS-2, 70 in each" in text_of(page)
    (frame,) = re.findall(r'<iframe class="light" sandbox src="([^"]+)"', page)
    assert "Dear <b>Zoë</b>" in operator.get(frame).text


def test_a_language_and_values_are_chosen(project: Project, operator: Person) -> None:
    page = operator.post("/templates/preview", template="hello", context='{"name": "Bo"}', locale="de").text
    assert "Hallo Bo" in page
    assert "Liebe Bo" in page
    assert "{&#34;name&#34;: &#34;Bo&#34;}" in page


def test_mistakes_are_said(project: Project, operator: Person) -> None:
    assert "&#39;name&#39; is undefined" in operator.post("/templates/preview", template="hello", context="{}").text
    assert "not JSON" in operator.post("/templates/preview", template="hello", context="{").text
    assert "no template ../hello" in operator.post("/templates/preview", template="../hello").text


def test_without_routes_the_page_says_what_to_set(console: Console, viewer: Person) -> None:
    assert "NOTIFIER_TEMPLATES" in viewer.get("/templates").text


class Spy:
    """Another site, which notes what is asked of it."""

    def __init__(self) -> None:
        self.asked = list[str]()
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_error(404)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def spy() -> Iterator[Spy]:
    found = Spy()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def test_in_a_browser_no_script_runs_and_nothing_is_loaded(
    project: Project, operator: Person, served: str, console: Console, browser: "Browser", spy: Spy
) -> None:
    html = (
        "<script>document.title='changed'; parent.location='{spy}/'</script>"
        "<img src='{spy}/pixel' onerror=\"top.location='{spy}/'\">"
        "<link rel=stylesheet href='{spy}/style.css'><style>p { color: red }"
        "@media (prefers-color-scheme: dark) { p { color: blue } }</style>"
        "<p>Dear {{ name }}</p>"
        "<form action='{spy}/'><button>Go</button></form>"
    )
    project.template("hello/body.html", html.replace("{spy}", spy.address))
    project.template("samples/hello.json", '{"name": "Ana"}')
    context = browser.new_context(base_url=served)
    try:
        token = operator.client.cookies[console.authentication.cookie.name]
        context.add_cookies([{"name": console.authentication.cookie.name, "value": token, "url": served}])
        page = context.new_page()
        page.goto("/templates")
        page.get_by_role("button", name="Preview hello").click()
        frame, dark = page.frame_locator("iframe.light"), page.frame_locator("iframe.dark")
        assert frame.get_by_text("Dear Ana").evaluate("each => getComputedStyle(each).color") == "rgb(255, 0, 0)"
        page.get_by_label("Dark").check()
        assert dark.get_by_text("Dear Ana").evaluate("each => getComputedStyle(each).color") == "rgb(0, 0, 255)"
        assert not page.locator("iframe.light").is_visible()
        page.get_by_label("Narrow").check()
        width = page.locator("iframe.dark").bounding_box()
        assert width is not None
        assert width["width"] < 400
        assert spy.asked == []
        assert page.title() != "changed"
        assert page.url.startswith(served)
    finally:
        context.close()
