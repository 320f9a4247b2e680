"""A worker whose items are as large as DynamoDB allows: 390 KB, with old images."""

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest

from notifier.broker import Queue
from notifier.outbox import LARGE, Work
from notifier.room import Room
from sandbox.ses_server import SesServer
from tests.bridge.records import record
from tests.outbox.rows import Rows
from tests.poison.trial import Trial
from tests.waiting import wait_until
from workers.portions import portions

ITEMS, BYTES, UNIT = 400, 390_000, 100
MOST = 320_000_000
"""Bytes of a whole worker at its peak."""


def peak(pid: int) -> int:
    """The most that the process ever had in memory, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.timeout(240)
def test_four_units_of_large_items_fit_into_little_memory(
    rows: Rows, ses: SesServer, tmp_path: Path, templates_path: Path, database_url: str, broker_url: str
) -> None:
    large = record(1, to={"S": "ana@example.com"}, name={"S": "Ana"}, text={"S": "x" * BYTES})
    large["dynamodb"]["OldImage"] = large["dynamodb"]["NewImage"]
    ids = rows.pending(ITEMS)
    rows.run("UPDATE notifications SET record = :r", r=json.dumps(large).encode())
    trial = Trial(rows, ses, tmp_path, database_url, broker_url, visibility=120)
    queue = Queue(broker_url)
    queue.publish("email", dict.fromkeys(ids, 0))
    queue.close()
    with trial.worker({**trial.environment, "NOTIFIER_UNIT_SIZE": str(UNIT)}) as worker:
        wait_until(lambda: rows.one("SELECT count(*) AS n FROM deliveries WHERE status = 'sent'")["n"] == ITEMS, 200)
        assert peak(worker.pid) < MOST


def test_what_is_large_comes_in_portions_of_so_many_bytes() -> None:
    works = [Work(uuid4(), "a_route", "activity", b"", 0, size=size) for size in (3, 3, 3, 9, 1, 1, 6, 1)]
    assert [[each.size for each in portion] for portion in portions(works, 8)] == [[3, 3], [3], [9], [1, 1, 6], [1]]
    assert not list(portions([], 8))


def test_room_is_for_one_at_least_and_free_again_after_an_error() -> None:
    room = Room(8)
    with room.of(100):
        pass
    with pytest.raises(LookupError), room.of(5):
        raise LookupError
    with room.of(3), room.of(5):
        assert room._used == 8
    assert room._used == 0


def test_a_large_record_is_loaded_for_itself(rows: Rows) -> None:
    small, large = rows.pending(2)
    raw = b'{"n": "' + b"x" * LARGE + b'"}'
    rows.run("UPDATE notifications SET record = :r WHERE notification_id = :id", r=raw, id=large)
    loaded = {each.id: each for each in rows.attempts().load([small, large])}
    assert (loaded[small].size, loaded[large].size) == (len(loaded[small].record), len(raw))
    assert loaded[large].record == b""
    assert rows.attempts().fill([loaded[large]])[0].record == raw
