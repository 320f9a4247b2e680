"""*Operations* shows the journal."""

import re

from notifier.outbox import Acknowledgements, ChannelStates, Report
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


def test_times_are_shown_as_on_the_other_pages(viewer: Person, rows: Rows) -> None:
    ChannelStates(rows.engine, actor="eva").pause("sms", "wrong number")
    ChannelStates(rows.engine, actor="eva").resume("sms", "right number")
    Acknowledgements(rows.engine, actor="eva").dead_letters(Report(rows.engine).now(), "known")
    abouts = re.findall(r'<td class="wrap">([^<]*\d{4}-[^<]*)</td>', viewer.get("/operations").text)
    assert len(abouts) == 2
    for each in abouts:
        assert re.search(r"[= ]\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\b", each), each
