"""The page *Channels*, on a real database."""

import re
import time

from notifier.outbox import ChannelStates, Journal, JournalFilter, StatusUpdates
from notifier.outcomes import Blocked
from tests.notifier.cli.status.test_waiting import refuse
from tests.outbox.rows import Rows
from tests.outbox.test_status_updates import sent
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


def test_channels_without_a_notification_stand_at_the_end(
    rows: Rows, console: Console, viewer: Person, operator: Person
) -> None:
    """They are not called running: the outbox does not know whether a worker runs for them."""
    assert "No channel has had a notification yet." in viewer.get("/channels").text
    rows.pending(1)
    console.watch.gauges.forget()
    used, _, unused = text_of(viewer.get("/channels").text).partition(" Not used ")
    assert "email running" in used
    assert "sms" not in used
    assert "sms" in unused
    assert "email" not in unused
    page = operator.get("/channels").text
    assert 0 < page.index("Pause email") < page.index("Not used") < page.index("Pause sms")
    operator.post("/channels/sms/pause", reason="not before monday")
    assert re.search(r"sms paused 0 ", text_of(viewer.get("/channels/now").text))


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


def test_the_parts_of_an_account_that_are_parked(rows: Rows, viewer: Person, operator: Person) -> None:
    assert "Parked within a channel" not in viewer.get("/channels").text
    refuse(rows, rows.pending(2), Blocked("Tenant <b>not</b> associated", within="tenant blue"))
    answer = viewer.get("/channels").text
    page = text_of(answer)
    assert re.search(r"email tenant blue 2 \S+ \S+ Tenant &lt;b&gt;not&lt;/b&gt; associated show", page), page
    assert "because=tenant%20blue%20is%20parked" in answer.replace("+", "%20")
    [cancel] = re.findall(r'href="(/notifications/all/cancel[^"]+)"', operator.get("/channels").text)
    assert "2 " in text_of(operator.get(cancel.replace("&amp;", "&")).text)


def test_what_is_parked_for_weeks_is_found_too(rows: Rows, operator: Person) -> None:
    at = int((time.time() - 10 * 24 * 60 * 60) * 1000)
    old = [id_ for each in rows.record(rows.page([1], at=at)) for id_ in each.ids]
    refuse(rows, old + rows.pending(1), Blocked("is paused", within="tenant blue"))
    page = operator.get("/channels").text
    show, cancel = re.findall(r'href="(/notifications[^"]*because[^"]+)"', page)
    assert all(str(id_) in operator.get(show.replace("&amp;", "&")).text for id_ in old)
    assert "2 " in text_of(operator.get(cancel.replace("&amp;", "&")).text)


def test_the_destinations_of_status_updates(rows: Rows, viewer: Person) -> None:
    assert "Status updates" not in viewer.get("/channels").text
    outbox = StatusUpdates(rows.engine)
    sent(rows, 3)
    outbox.assign(["https://up.example", "https://down.example"])
    claimed = outbox.claim("https://up.example", 2, 60.0)
    outbox.accepted("https://up.example", [each.update for each in claimed])
    outbox.note_failure("https://down.example", "503 <b>Unavailable</b>")
    sent(rows)
    page = text_of(viewer.get("/channels/now").text)
    assert "none yet: does notifier status-sender run? 1" in page
    assert re.search(r"https://up\.example 1 \d+ s 0 2 ", page), page
    assert re.search(r"https://down\.example 3 \d+ s 0 0 .*503 &lt;b&gt;Unavailable", page), page
