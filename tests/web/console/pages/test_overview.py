"""*Overview* says what waits, what is wrong, and whether every record is accounted for."""

from notifier.outbox import ChannelStates
from tests.outbox.rows import Rows
from tests.web.console.person import Person
from web.console.app import Console


def test_it_says_what_waits_and_what_is_wrong(viewer: Person, console: Console, rows: Rows) -> None:
    rows.pending(7)
    ChannelStates(rows.engine, actor="eva").pause("sms", "wrong number in the footer")
    console.watch.prove()
    page = viewer.get("/").text
    assert "The channel sms is paused: wrong number in the footer" in page
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
