"""*Overview* says what waits, what is wrong, and whether every record is accounted for."""

import re

import pytest

from notifier.outbox import ChannelStates
from tests.outbox.rows import Rows
from tests.web.console.person import Person
from web.console.app import Console
from web.console.monitoring.charts import chart
from web.console.pages.overview import newest


def test_it_says_what_waits_and_what_is_wrong(viewer: Person, console: Console, rows: Rows) -> None:
    rows.pending(7)
    ChannelStates(rows.engine, actor="eva").pause("sms", "wrong number in the footer")
    console.watch.prove()
    page = viewer.get("/").text
    assert "The channel sms is paused: wrong number in the footer" in page
    assert '<a href="/channels">Go to Channels</a>' in page
    assert '<span class="badge paused">paused</span>' in page
    assert "✓ It holds for 1 shard," in page


def test_the_proof_is_green_only_while_it_holds(viewer: Person, console: Console, rows: Rows) -> None:
    rows.pending(2)
    rows.run("UPDATE shards SET records_read = records_read + 1, records_notified = records_notified + 1")
    console.watch.prove()
    page = viewer.get("/").text
    assert "✗ It does not hold." in page
    assert "✗ no" in page
    assert "✓ It holds" not in page


def test_the_part_that_refreshes_is_a_part(viewer: Person) -> None:
    part = viewer.get("/live?span=day", **{"HX-Request": "true", "X-Refresh": "1"})
    assert part.status_code == 200
    assert "<html" not in part.text
    assert "in the last day" in part.text
    assert "in the last hour" in viewer.get("/live?span=nonsense").text


def test_each_number_of_a_row_has_its_label_where_there_is_no_head(viewer: Person, rows: Rows) -> None:
    rows.pending(1)
    part = viewer.get("/live").text
    assert re.findall(r'<td class="number">[^<]+</td>', part) == []
    assert '<td class="number" data-label="scheduled">0</td>' in part


def test_the_charts_say_their_highest_value_and_of_when_their_numbers_are(viewer: Person, console: Console) -> None:
    console.watch.sample()
    part = viewer.get("/live").text
    assert part.count("highest: 0") == 4
    assert "The number beside each name is of this minute so far." in part


@pytest.mark.parametrize(
    ("values", "span", "words"),
    [
        ([1.0, 2.0, 3.0], "hour", "of the last whole minute, 10:01 UTC"),
        ([None, 2.0, 3.0], "hour", "of the last whole minute, 10:01 UTC"),
        ([None, None, 3.0], "hour", "of this minute so far"),
        ([1.0, 2.0, 3.0], "day", "per minute from 09:33 to 09:48 UTC"),
        ([None, None, 3.0], "day", "per minute since 09:48 UTC"),
    ],
)
def test_of_which_time_a_number_is(values: list[float | None], span: str, words: str) -> None:
    now = 10 * 3600 + 2 * 60 + 30.0  # 10:02:30
    assert newest([chart("read", values)], span, now) == words
