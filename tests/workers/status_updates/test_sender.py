"""A sender on a real Postgres and a real receiver of webhooks: nothing is lost, and each notification is in order."""

import json
import os
import signal
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from sqlalchemy import Engine

from notifier.feedback import FeedbackKind
from notifier.health.heartbeat import Heartbeat
from notifier.outbox import StatusUpdates
from notifier.process.loops import NextIn
from sandbox.embedded.processes import Child
from sandbox.system import notifier_process
from tests.outbox.conftest import engine, rows
from tests.outbox.delivery.test_transitions import event
from tests.outbox.rows import Rows
from tests.outbox.test_status_updates import sent
from tests.waiting import wait_until
from tests.workers.channels.wire import Exchange, Wire, plain, serve
from tests.workers.status_updates.test_destinations import SECRET, settings
from workers.status_updates.destination import OutgoingUpdate
from workers.status_updates.sender import UpdateSender
from workers.status_updates.senders import UpdateSenders
from workers.status_updates.wiring import destination_of

__all__ = ["engine", "rows"]  # fixtures

Sending = Callable[..., UpdateSender]
ACCEPT = plain(204, b"")
REFUSE = plain(500, b"out of order")


@pytest.fixture
def wire() -> Iterator[Wire]:
    with serve() as server:
        server.behave = ACCEPT
        yield server


class Memory:
    """A destination in memory, which refuses what the test names."""

    batch: ClassVar[int] = 10
    concurrency: ClassVar[int] = 2

    def __init__(self, name: str) -> None:
        self.name = name
        self.got: list[dict[str, Any]] = []
        self.refused: set[UUID] = set()
        self.down = False

    def send(self, updates: Sequence[OutgoingUpdate]) -> list[str | None]:
        answers: list[str | None] = ["no" if self.down or each.group in self.refused else None for each in updates]
        self.got += [json.loads(each.body) for each, no in zip(updates, answers, strict=True) if no is None]
        return answers

    def close(self) -> None:
        """It has no connection."""


@pytest.fixture
def sender(engine: Engine) -> Iterator[Sending]:
    """Makes senders, and closes them at the end of the test."""
    with ExitStack() as stack:

        def made(destination: Any, others: Sequence[str] = ()) -> UpdateSender:
            names = [destination.name, *others]
            return stack.enter_context(closing(UpdateSender(StatusUpdates(engine), destination, names)))

        yield made


def bodies(wire: Wire) -> list[dict[str, Any]]:
    return [each.body for each in wire.requests]


def everything_due(rows: Rows) -> None:
    rows.run("UPDATE status_updates SET due_at = now()")


def told_in_order(got: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """The statuses of each notification as a receiver that drops repeated ids has them; fails if one is overtaken."""
    seen: set[str] = set()
    told: dict[str, list[str]] = {}
    for each in got:
        if each["id"] not in seen:
            seen.add(each["id"])
            told.setdefault(each["notification_id"], []).append(each["status"])
            assert each["number"] == len(told[each["notification_id"]])
    return told


def test_the_document_says_what_became_of_the_item(rows: Rows, sender: Sending, wire: Wire) -> None:
    (id_,) = sent(rows)
    record = {
        "eventName": "INSERT",
        "dynamodb": {"Keys": {"pk": {"S": "user#7"}}, "NewImage": {"to": {"S": "ana@x"}}},
    }
    rows.run("UPDATE notifications SET record = :r", r=json.dumps(record).encode())
    event(FeedbackKind.BOUNCE)(rows, id_, uuid.uuid4())
    rows.run(
        "UPDATE status_updates SET reason = '550 <ana@example.com> unknown, call +351 912 345 678' WHERE number = 2"
    )
    destination = destination_of(wire.url, settings())
    one = sender(destination)
    while one.run_once():
        pass
    first, second = bodies(wire)
    assert set(first) == {
        "version", "id", "notification_id", "number", "status", "reason", "attempt", "at", "table", "keys", "event",
        "event_at", "route", "channel",
    }  # fmt: skip
    assert (first["status"], first["number"], first["attempt"]) == ("sent", 1, 1)
    assert (first["table"], first["keys"], first["event"]) == ("activity", {"pk": {"S": "user#7"}}, "INSERT")
    assert (second["status"], second["number"], second["version"]) == ("bounced", 2, 1)
    assert second["reason"] == "550 <…> unknown, call …"
    assert "ana" not in json.dumps([first, second])


def test_the_recipient_is_told_only_where_it_is_asked_for(rows: Rows) -> None:
    sent(rows)
    memory = Memory("https://product.example")
    with closing(
        UpdateSender(StatusUpdates(rows.engine, personal=True), memory, [memory.name], personal=True)
    ) as one:
        one.run_once()
    assert memory.got[0]["recipient"] == "ana@example.com"


def test_a_destination_that_is_down_holds_up_no_other_and_gets_all_later(rows: Rows, sender: Sending) -> None:
    ids = sent(rows, 25)
    down, up = Memory("https://down.example"), Memory("https://up.example")
    down.down = True
    broken, works = sender(down, [up.name]), sender(up, [down.name])
    pause = broken.run_once()
    assert isinstance(pause, NextIn)
    assert pause.seconds > 0
    while works.run_once():
        pass
    assert len(up.got) == 25

    broken.run_once()  # a small round: one batch
    assert rows.one("SELECT count(*) FROM status_updates WHERE failures > 0")["count"] == 25
    error = {each.destination: each.error for each in StatusUpdates(rows.engine).backlog()}
    assert error == {down.name: "no", up.name: None}

    down.down = False
    everything_due(rows)
    while broken.run_once():
        everything_due(rows)
    assert {each["notification_id"] for each in down.got} == set(map(str, ids))


def test_an_update_that_is_always_refused_is_kept_and_stops_nothing_else(rows: Rows, sender: Sending) -> None:
    bad, *_ = sent(rows, 5)
    event(FeedbackKind.DELIVERY)(rows, bad, uuid.uuid4())
    memory = Memory("https://product.example")
    memory.refused = {bad}
    one = sender(memory)
    for _ in range(4):
        one.run_once()
        everything_due(rows)
    more = sent(rows, 3)
    everything_due(rows)
    for _ in range(4):
        one.run_once()
    assert {each["notification_id"] for each in memory.got} >= set(map(str, more))
    assert str(bad) not in {each["notification_id"] for each in memory.got}
    left = rows.all("SELECT number, failures > 0 AS failed FROM status_updates ORDER BY number")
    assert left == [{"number": 1, "failed": True}, {"number": 2, "failed": False}]


def test_two_senders_at_once_send_each_update_once_and_in_order(rows: Rows, sender: Sending) -> None:
    ids = sent(rows, 30)
    for each in ids:
        event(FeedbackKind.DELIVERY)(rows, each, uuid.uuid4())
    memory = Memory("https://product.example")

    def run() -> None:
        one = sender(memory)
        wait_until(lambda: not one.run_once() and not rows.all("SELECT FROM status_updates LIMIT 1"), 60.0)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert told_in_order(memory.got) == {str(each): ["sent", "delivered"] for each in ids}
    assert len(memory.got) == 60


def test_an_answer_that_is_lost_brings_the_same_update_again_with_its_id(
    rows: Rows, sender: Sending, wire: Wire
) -> None:
    sent(rows)

    def accept_and_cut(exchange: Exchange) -> None:
        exchange.close_connection = True
        wire.behave = ACCEPT

    wire.behave = accept_and_cut
    one = sender(destination_of(wire.url, settings()))
    one.run_once()
    everything_due(rows)
    one.run_once()
    first, second = bodies(wire)
    assert first == second
    assert rows.all("SELECT * FROM status_updates") == []


def test_what_a_process_claimed_before_it_died_is_sent_by_another(rows: Rows, sender: Sending) -> None:
    ids = sent(rows, 3)
    memory = Memory("https://product.example")
    dead = StatusUpdates(rows.engine)
    dead.assign([memory.name])
    assert len(dead.claim(memory.name, 10, 60.0)) == 3
    one = sender(memory)
    assert one.run_once() is None  # the claims have not ended
    everything_due(rows)
    one.run_once()
    assert {each["notification_id"] for each in memory.got} == set(map(str, ids))


def test_an_old_update_is_an_alarm(rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    sent(rows)
    rows.run("UPDATE status_updates SET at = now() - interval '1 h'")
    outbox = StatusUpdates(rows.engine)
    watched = UpdateSenders([], outbox, ["https://product.example"], Heartbeat("status-sender"))
    watched.watch()
    assert "ALARM: status updates are not accepted" in capsys.readouterr().out
    outbox.assign(["https://gone.example"])
    watched.watch()
    assert "not in NOTIFIER_STATUS_DESTINATIONS" in capsys.readouterr().out


def test_a_process_that_is_killed_while_it_sends_loses_nothing_and_keeps_the_order(
    rows: Rows, database_url: str, wire: Wire, tmp_path: Path
) -> None:
    """SIGKILL in the middle of requests, three times; a receiver that fails now and then."""
    ids = sent(rows, 40)
    for each in ids:
        event(FeedbackKind.DELIVERY)(rows, each, uuid.uuid4())
    accepted: list[dict[str, Any]] = []
    numbers = Counter[str]()

    def now_and_then(exchange: Exchange) -> None:
        numbers["all"] += 1
        if numbers["all"] % 5 == 0:
            REFUSE(exchange)
            return
        accepted.append(exchange.request_read.body)  # before the answer, which a kill may lose
        ACCEPT(exchange)

    wire.behave = now_and_then
    variables = {
        "NOTIFIER_DATABASE_URL": database_url,
        "NOTIFIER_BROKER_URL": "redis://nowhere",
        "NOTIFIER_STATUS_DESTINATIONS": wire.url,
        "NOTIFIER_STATUS_SECRET": f"whsec_{SECRET}",
        "NOTIFIER_WEBHOOK_ALLOW_PRIVATE": "true",
        "NOTIFIER_ALLOW_NONDURABLE_DATABASE": "true",
        "NOTIFIER_HEARTBEAT_FOLDER": str(tmp_path),
    }

    def started() -> Child:
        return notifier_process("status-sender", ["status-sender"], tmp_path, variables)

    for kill in range(3):
        process, goal = started(), (kill + 1) * 10
        wait_until(lambda: len(accepted) >= goal, 60.0)  # noqa: B023
        os.kill(process.pid, signal.SIGKILL)
        process.stop()
        everything_due(rows)  # the claims of the dead process end

    process = started()

    def all_accepted() -> bool:
        rows.run("UPDATE status_updates SET due_at = now() WHERE failures > 0")
        return not rows.all("SELECT FROM status_updates LIMIT 1")

    try:
        wait_until(all_accepted, 60.0)
    finally:
        process.stop()
    assert told_in_order(accepted) == {str(each): ["sent", "delivered"] for each in ids}
    (backlog,) = StatusUpdates(rows.engine).backlog()
    assert (backlog.waiting, backlog.accepted) == (0, 80)
