"""Parts of a page refresh by themselves, unless the page is hidden."""

import pytest

from tests.web.console.browser.visitor import Opener

pytestmark = pytest.mark.timeout(120)

_HIDE = """() => {
  window.unseen = true;
  Object.defineProperty(document, "hidden", {get: () => window.unseen});
}"""
_REFUSED = """() => new Promise((done) => document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.defaultPrevented) done();
}))"""
_SHOW = "() => { window.unseen = false; document.dispatchEvent(new Event('visibilitychange')); }"


def test_a_hidden_page_asks_for_nothing_until_it_is_shown(opener: Opener) -> None:
    page = opener("/channels")
    with page.expect_request("**/channels/now"):
        pass
    page.wait_for_load_state("networkidle")
    page.evaluate(_HIDE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(_REFUSED)
    assert asked == []
    with page.expect_request("**/channels/now", timeout=4_000) as shown:  # sooner than the next by itself
        page.evaluate(_SHOW)
    assert shown.value.headers["x-refresh"] == "1"
