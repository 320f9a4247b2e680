"""The page of a recipient: what it shows, what its forms change, its headers, and how it looks to a browser."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import Engine

from notifier.outbox import ALL_TOPICS, OptOuts, Suppressions
from notifier.unsubscribe import Subscription
from tests.web.preferences.conftest import ANA

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Path = Callable[[Subscription], str]


@pytest.fixture
def out(engine: Engine) -> Callable[[], set[str]]:
    return lambda: OptOuts(engine, actor="test").read("email", ANA.address)


def test_it_shows_the_topics_and_a_masked_address(visitor: httpx.Client, path: Path) -> None:
    page = visitor.get(path(ANA)).text
    assert "a…@example.com" in page
    assert ANA.address not in page
    assert all(word in page for word in ("Example Shop", "News", "Offers", "Tips", "Unsubscribe"))


@pytest.mark.parametrize(
    ("accepted", "words"),
    [
        ("de-AT,en;q=0.5", ("Abbestellen", "Neuigkeiten", 'lang="de-at"')),
        ("xx, pt;q=0.8, en;q=0.1", ("Cancelar", 'lang="pt"')),
        ("", ("Unsubscribe", 'lang="en"')),
        ("*;q=oops,,;q=1", ("Unsubscribe",)),
    ],
)
def test_the_language_of_the_browser(
    visitor: httpx.Client, path: Path, accepted: str, words: tuple[str, ...]
) -> None:
    page = visitor.get(path(ANA), headers={"Accept-Language": accepted}).text
    assert all(word in page for word in words)


def test_leave_and_join_again(visitor: httpx.Client, path: Path, out: Callable[[], set[str]]) -> None:
    assert "You are unsubscribed." in visitor.post(path(ANA), data={"action": "leave"}).text
    assert out() == {"news"}
    assert "You are subscribed again." in visitor.post(path(ANA), data={"action": "join"}).text
    assert out() == set()


def test_leave_all_and_join_one(visitor: httpx.Client, path: Path, out: Callable[[], set[str]]) -> None:
    """Who was out of every topic and joins one stays out of the others."""
    visitor.post(path(ANA), data={"action": "all"})
    assert out() == {ALL_TOPICS}
    assert " checked" not in visitor.get(path(ANA)).text
    visitor.post(path(ANA), data={"action": "join"})
    assert out() == {"offers", "tips"}


def test_save_what_is_chosen(visitor: httpx.Client, path: Path, out: Callable[[], set[str]]) -> None:
    page = visitor.post(path(ANA), data={"action": "save", "topic": ["news", "tips", "none of ours"]}).text
    assert "Your choices are saved." in page
    assert out() == {"offers"}
    visitor.post(path(ANA), data={"action": "save", "topic": "offers"})
    assert out() == {"news", "tips"}
    visitor.post(path(ANA), data={"action": "save"})
    assert out() == {"news", "offers", "tips"}


def test_saving_an_old_page_changes_only_the_topics_that_it_showed(
    visitor: httpx.Client, path: Path, out: Callable[[], set[str]]
) -> None:
    """The page was loaded before `offers` and `tips` were topics, and while `gone` was one."""
    visitor.post(path(ANA), data={"action": "save", "listed": ["news", "gone"], "topic": ["gone", "tips"]})
    assert out() == {"news"}
    visitor.post(path(ANA), data={"action": "save", "listed": ["news", "gone"], "topic": ["news"]})
    assert out() == set()


def test_the_page_names_the_topics_that_it_shows(
    visitor: httpx.Client, path: Path, out: Callable[[], set[str]]
) -> None:
    page = visitor.get(path(ANA)).text
    listed = re.findall(r'<input type="hidden" name="listed" value="(\w+)">', page)
    assert listed == ["news", "offers", "tips"]
    visitor.post(path(ANA), data={"action": "save", "listed": listed, "topic": ["tips"]})
    assert out() == {"news", "offers"}


def test_joining_lifts_no_other_suppression(visitor: httpx.Client, path: Path, engine: Engine) -> None:
    suppressions = Suppressions(engine, actor="test")
    suppressions.add("email", ANA.address, reason="complaint")
    suppressions.add("email", ANA.address, reason="manual", topic="news")
    visitor.post(path(ANA), data={"action": "join"})
    assert {row["reason"] for row in suppressions.list(channel="email")} == {"complaint", "manual"}


def test_each_channel_has_its_own_page(visitor: httpx.Client, path: Path, engine: Engine) -> None:
    phone = Subscription("sms", "+351912345678", "offers")
    page = visitor.get(path(phone)).text
    assert "News" not in page
    visitor.post(path(phone), data={"action": "leave"})
    opt_outs = OptOuts(engine, actor="test")
    assert (opt_outs.read("sms", phone.address), opt_outs.read("email", ANA.address)) == ({"offers"}, set())


def test_headers(visitor: httpx.Client, path: Path) -> None:
    for answer in (visitor.get(path(ANA)), visitor.get("/u/x"), visitor.post(path(ANA), data={"action": "all"})):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert "strict-transport-security" in answer.headers
        assert "set-cookie" not in answer.headers
        assert "server" not in answer.headers


def test_probes(visitor: httpx.Client) -> None:
    assert visitor.get("/healthz").status_code == 200
    assert visitor.get("/readyz").status_code == 200


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_a_browser_without_scripts(
    browser: "Browser", served: str, path: Path, out: Callable[[], set[str]], width: int, scheme: str
) -> None:
    """The style passes the policy, nothing is wider than the window, and the forms work."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        java_script_enabled=False,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(served + path(ANA))
    page.get_by_role("button", name="Unsubscribe", exact=True).click()
    assert page.get_by_role("status").is_visible()
    assert out() == {"news"}
    page.get_by_label("Tips").uncheck()
    page.get_by_role("button", name="Save").click()
    assert out() == {"news", "tips"}
    assert problems == []
    context.close()
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True) as able:  # type: ignore[arg-type]
        page = able.new_page()
        page.goto(served + path(ANA))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius") == "12px"
        assert Axe().run(page).response["violations"] == []
