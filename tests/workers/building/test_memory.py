"""A worker whose items are as large as DynamoDB allows: 390 KB, with old images."""

import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest

from notifier.broker import Broker
from notifier.outbox import LARGE, DueNotification
from notifier.process.memory_budget import MemoryBudget
from sandbox.embedded.ses import SesServer
from tests.bridge.stream.records import record
from tests.outbox.rows import Rows
from tests.poison.trial import Trial
from tests.waiting import wait_until
from workers.building.builder import Builder, _parts
from workers.process.in_progress import InProgress
from workers.process.stop import Stop

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
    broker = Broker(broker_url)
    broker.publish("email", dict.fromkeys(ids, 0))
    broker.close()
    with trial.worker({**trial.environment, "NOTIFIER_UNIT_SIZE": str(UNIT)}) as worker:
        wait_until(lambda: rows.one("SELECT count(*) AS n FROM deliveries WHERE status = 'sent'")["n"] == ITEMS, 200)
        assert peak(worker.pid) < MOST


def test_what_is_large_comes_in_parts_of_so_many_bytes() -> None:
    notifications = [
        DueNotification(uuid4(), "a_route", "activity", b"", 0, size=size) for size in (3, 3, 3, 9, 1, 1, 6, 1)
    ]
    assert [[each.size for each in part] for part in _parts(notifications, 8)] == [[3, 3], [3], [9], [1, 1, 6], [1]]
    assert not list(_parts([], 8))


def test_room_is_for_one_at_least_and_free_again_after_an_error() -> None:
    budget = MemoryBudget(8)
    with budget.reserve(100):
        pass
    with pytest.raises(LookupError), budget.reserve(5):
        raise LookupError
    with budget.reserve(3), budget.reserve(5):
        assert budget._used == 8
    assert budget._used == 0


@pytest.fixture
def waiting_unit() -> Iterator[tuple[MemoryBudget, Stop, list[float], threading.Thread, list[object]]]:
    """A unit of one large record that waits for room: the stop of its process, when it moved, and what it got."""
    budget, stop, touched, got = MemoryBudget(8), Stop(), [], []
    due = DueNotification(uuid4(), "a_route", "activity", b"", 0, size=LARGE + 1)

    class Noted(InProgress):
        def touch(self, ids: Sequence[UUID]) -> None:
            assert list(ids) == [due.id]
            touched.append(time.monotonic())

    builder = Builder(Mock(), Noted(), stop, budget, None)
    waiting = threading.Thread(target=lambda: got.extend(builder._loaded([due], list)))
    with budget.reserve(8):
        waiting.start()
        wait_until(lambda: len(touched) > 3)
        yield budget, stop, touched, waiting, got
    waiting.join(10)
    assert not waiting.is_alive()


def test_a_unit_that_waits_for_room_does_not_count_as_one_that_hangs(waiting_unit: Any) -> None:
    _, _, touched, waiting, got = waiting_unit
    before = len(touched)
    wait_until(lambda: len(touched) > before + 2)
    assert (waiting.is_alive(), got) == (True, [])


def test_a_unit_that_waits_for_room_ends_with_its_process(waiting_unit: Any) -> None:
    budget, stop, _, waiting, got = waiting_unit
    stop.set()
    waiting.join(5)
    assert (waiting.is_alive(), got) == (False, [])
    assert budget._used == 8


def test_a_large_record_is_loaded_for_itself(rows: Rows) -> None:
    small, large = rows.pending(2)
    raw = b'{"n": "' + b"x" * LARGE + b'"}'
    rows.run("UPDATE notifications SET record = :r WHERE notification_id = :id", r=raw, id=large)
    loaded = {each.id: each for each in rows.attempts().load([small, large])}
    assert (loaded[small].size, loaded[large].size) == (len(loaded[small].record), len(raw))
    assert loaded[large].record == b""
    assert rows.attempts().load_large_records([loaded[large]])[0].record == raw
