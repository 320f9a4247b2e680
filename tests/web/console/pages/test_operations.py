"""*Operations* shows the journal."""

from notifier.outbox import ChannelStates
from tests.outbox.rows import Rows
from tests.web.console.person import Person


def test_the_newest_operations_by_actor_action_and_text(viewer: Person, rows: Rows) -> None:
    ChannelStates(rows.engine, actor="eva").pause("sms", "wrong number in the footer")
    ChannelStates(rows.engine, actor="ada").resume("sms", "the number is right")
    page = viewer.get("/operations").text
    assert page.index("the number is right") < page.index("wrong number in the footer")
    assert "the number is right" not in viewer.get("/operations?actor=EVA").text
    assert (
        "wrong number"
        not in viewer.get("/operations?action=resume").text.partition("<table")[2].partition("paused by")[0]
    )
    assert "No operation matches." in viewer.get("/operations?about=email").text
