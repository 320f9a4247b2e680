"""The page *Shards*, on a real database."""

import re

from notifier.outbox import Quarantined, RewindRequests
from tests.outbox.rows import Rows
from tests.web.console.pages.test_channels import text_of
from tests.web.console.person import Person
from web.console.app import Console
from web.console.pages.shards import _nodes


def split(rows: Rows) -> None:
    """The shard ended, and two followed."""
    rows.run("UPDATE shards SET state = 'finished', finished_at = now(), owner = NULL, lease_until = NULL")
    for name in ("shardId-2", "shardId-3"):
        rows.run(
            "INSERT INTO shards (stream_id, shard_id, parent_shard_id) SELECT stream_id, :name, shard_id FROM shards "
            "WHERE shard_id = 'shardId-1'",
            name=name,
        )


def test_the_tree(rows: Rows, viewer: Person) -> None:
    rows.pending(2)
    assert re.search(r"shardId-1 checkpoint 2 activity open .* me 2 2 0 0", text_of(viewer.get("/shards/tree").text))
    split(rows)
    page = text_of(viewer.get("/shards").text)
    assert "shardId-1" not in page
    assert "Show shards that are read to their end (1)" in page
    whole = text_of(viewer.get("/shards?finished=show").text)
    assert re.search(
        r"shardId-1 checkpoint 2 activity finished .*└ child of the shard above, level 1: shardId-2", whole
    )
    assert "no bridge" in whole


def test_a_shard_whose_parent_is_forgotten_is_a_root() -> None:
    def row(shard: str, parent: str | None, table: str = "a") -> dict[str, str | None]:
        return {"table_name": table, "shard_id": shard, "parent_shard_id": parent}

    rows = [row("3", "2"), row("2", "1"), row("1", "0"), row("1", None, "b"), row("4", "2")]
    found = [(node.row["table_name"], node.row["shard_id"], node.depth) for node in _nodes(rows)]
    assert found == [("a", "1", 0), ("a", "2", 1), ("a", "3", 2), ("a", "4", 2), ("b", "1", 0)]


def test_an_operator_has_shards_read_again(console: Console, rows: Rows, operator: Person) -> None:
    rows.record(rows.page([1], [Quarantined("2", b"{}", "odd")], unrouted=3))
    page = text_of(operator.get("/shards/rewind?table=activity").text)
    assert "1 shard would be read again. Of the records, 3 are unrouted and 1 in quarantine" in page
    requests = RewindRequests(console.engine, actor="test")
    assert requests.recent() == []
    operator.post("/shards/rewind", table="activity", since="2026-01-31T12:00", reason="a new route")
    (found,) = requests.recent()
    assert (found["state"], found["actor"], found["since"].isoformat()) == (
        "waiting",
        "a operator",
        "2026-01-31T12:00:00+00:00",
    )
    assert "waiting" in text_of(operator.get("/shards").text)
    operator.post("/shards/rewind/cancel", shard="shardId-1", reason="not yet")
    assert [row["state"] for row in requests.recent()] == ["cancelled"]


def test_what_cannot_be_read_again_is_said(operator: Person) -> None:
    assert "Name a table or a shard." in operator.get("/shards/rewind").text
    assert "no shard is known for table=nothing" in operator.get("/shards/rewind?table=nothing").text
    operator.post("/shards/rewind", table="activity", since="noon", reason="why not")
    assert operator.flashes() == ["'noon' is not a time, as 2026-01-31T12:00."]
