"""What is in shadow, and settings that keep messages from people, are seen on the pages."""

import pytest

from notifier.outbox import Recipient, ShadowMessage
from tests.outbox.rows import Rows
from tests.web.console.person import Person


@pytest.fixture
def restricted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_SHADOW", "true")
    monkeypatch.setenv("NOTIFIER_ONLY_TO", "*@example.com")


@pytest.fixture
def shadowed(rows: Rows) -> str:
    (id_,) = rows.pending()
    rows.attempts().shadow([ShadowMessage(Recipient(id_, "ana@example.com"), "Hello <Ana>", "in shadow")])
    return str(id_)


def test_each_page_says_what_is_not_sent(restricted: None, viewer: Person) -> None:
    for path in ("/", "/notifications"):
        page = viewer.get(path).text
        assert "NOTIFIER_SHADOW is on: every message is built, and none is sent" in page
        assert "messages go to *@example.com alone" in page


def test_nothing_is_said_where_everybody_gets_messages(viewer: Person) -> None:
    assert "restriction" not in viewer.get("/").text


def test_a_shadowed_notification(operator: Person, shadowed: str) -> None:
    listed = operator.get("/notifications?status=shadowed").text
    assert '<span class="badge shadowed">shadowed</span>' in listed
    page = operator.get(f"/notifications/{shadowed}").text
    assert "It was built and not sent" in page
    assert "notifier redrive --shadowed" in page
    assert "Hello" not in page
    revealed = operator.post(f"/notifications/{shadowed}/reveal", reason="a test").text
    assert "Hello &lt;Ana&gt;" in revealed
    assert "The last traceback" not in revealed
