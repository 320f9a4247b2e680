"""The page *Channels*, on a real database."""

import re

from notifier.outbox import ChannelStates, Journal, JournalFilter
from tests.outbox.rows import Rows
from tests.web.console.person import Person
from web.console.app import Console


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def states(console: Console) -> dict[str, str]:
    return {each.channel: each.state for each in ChannelStates(console.engine, actor="test").all()}


def test_an_operator_pauses_and_resumes(console: Console, operator: Person) -> None:
    answer = operator.post("/channels/email/pause", reason="wrong footer", back="/channels")
    assert (answer.status_code, answer.headers["location"]) == (303, "/channels")
    assert states(console) == {"email": "paused"}
    page = text_of(operator.get("/channels").text)
    assert "email is paused" in page
    assert "wrong footer" in page
    assert "a operator" in page
    operator.post("/channels/email/resume", reason="mended")
    assert states(console) == {"email": "running"}
    rows = Journal(console.engine).newest(JournalFilter(), 10)
    assert [(row["action"], row["actor"], row["reason"]) for row in rows] == [
        ("resume", "a operator", "mended"),
        ("pause", "a operator", "wrong footer"),
    ]


def test_a_channel_that_does_not_exist_is_not_paused(console: Console, operator: Person) -> None:
    operator.post("/channels/emial/pause", reason="a slip")
    assert operator.flashes() == ["There is no channel emial."]
    assert states(console) == {}


def test_a_viewer_sees_no_button(viewer: Person) -> None:
    assert "/pause" not in viewer.get("/channels").text


def test_what_waits_and_how_near_the_limits_are(rows: Rows, viewer: Person) -> None:
    rows.pending(3)
    rows.run(
        "INSERT INTO feedback_hours (channel, hour, deliveries, bounces, hard_bounces, complaints) "
        "VALUES ('email', date_trunc('hour', now()), 970, 30, 30, 1)"
    )
    page = text_of(viewer.get("/channels/now").text)
    assert re.search(r"email running 3 \d+ s 0 1,000 3\.00 % of at most 4\.00 % 0\.10 % of at most 0\.08 %", page), (
        page
    )
