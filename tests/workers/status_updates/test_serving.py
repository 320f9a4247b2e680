"""What a status sender serves over HTTP, and what it says where processes have other destinations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.health.heartbeat import Heartbeat
from notifier.metrics.family import Source
from notifier.metrics.names import FAMILIES
from notifier.operating.person import person_of
from notifier.outbox import Erasure, ErasureKeys, StatusUpdates
from sandbox.embedded.allocation import free_port
from sandbox.system import notifier_process
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows
from tests.outbox.test_status_updates import sent
from tests.system.test_health import Process, assert_is
from tests.waiting import wait_until
from tests.workers.channels.wire import Wire, serve
from tests.workers.status_updates.test_destinations import SECRET
from tests.workers.status_updates.test_sender import ACCEPT, REFUSE
from workers.status_updates.senders import UpdateSenders

__all__ = ["engine", "rows"]  # fixtures


@pytest.fixture
def wire() -> Iterator[Wire]:
    with serve() as server:
        server.behave = ACCEPT
        yield server


class StatusSender(Process):
    """The process `notifier status-sender`, and the port on which it serves."""

    def __init__(self, database_url: str, destination: str, folder: Path) -> None:
        self.port = free_port()
        variables = {
            "NOTIFIER_DATABASE_URL": database_url,
            "NOTIFIER_BROKER_URL": "redis://nowhere",
            "NOTIFIER_STATUS_DESTINATIONS": destination,
            "NOTIFIER_STATUS_SECRET": f"whsec_{SECRET}",
            "NOTIFIER_WEBHOOK_ALLOW_PRIVATE": "true",
            "NOTIFIER_ALLOW_NONDURABLE_DATABASE": "true",
            "NOTIFIER_HEARTBEAT_FOLDER": str(folder),
            "NOTIFIER_METRICS_PORT": str(self.port),
        }
        self.child = notifier_process("status-sender", ["status-sender"], folder, variables)


@pytest.fixture
def process(database_url: str, wire: Wire, tmp_path: Path) -> Iterator[StatusSender]:
    started = StatusSender(database_url, wire.url, tmp_path)
    yield started
    started.child.stop()


def test_it_serves_its_metrics_and_its_health(rows: Rows, process: StatusSender, wire: Wire) -> None:
    process.start()
    sent(rows, 3)
    updates, total = "notifier_status_sender_updates", "notifier_status_sender_updates_total"
    wait_until(lambda: process.value(updates, total, result="accepted", destination=wire.url) == 3, 20)
    seconds = "notifier_status_sender_request_seconds"
    assert process.value(seconds, f"{seconds}_count") >= 3  # an update whose answer comes late is sent again
    wanted = {each.name: each for each in FAMILIES if each.source in {Source.STATUS_SENDER, Source.ALL}}
    found = {key: each for key, each in process.metrics().items() if key.startswith("notifier_")}
    assert found.keys() == wanted.keys()
    for key, family in wanted.items():
        assert_is(family, found[key])

    wire.behave = REFUSE
    sent(rows)
    process.wait_for("/readyz", 503, "destinations", "500")
    assert process.checks("/healthz", 200)
    assert process.value(updates, total, result="refused") >= 1
    wire.behave = ACCEPT
    rows.run("UPDATE status_updates SET due_at = now()")
    process.wait_for("/readyz", 200)


def test_processes_with_other_destinations_are_an_alarm(rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    """An update goes only to the destinations of the process that takes it, and no other process would notice."""
    outbox, others = StatusUpdates(rows.engine), ["https://a.example", "https://b.example"]
    watched = UpdateSenders([], outbox, ["https://a.example"], Heartbeat("status-sender"))
    sent(rows)
    outbox.assign(others)
    watched.watch()  # b may have been taken out of the setting meanwhile: no process assigns to it any more
    watched.watch()
    assert "another status sender" not in capsys.readouterr().out
    sent(rows)
    outbox.assign(others)
    watched.watch()
    out = capsys.readouterr().out
    assert "another status sender has a destination that this one has not" in out
    assert "https://b.example" in out
    assert "https://a.example" not in out


def test_the_update_of_a_person_who_was_erased_meanwhile_has_no_keys(rows: Rows) -> None:
    (id_,) = sent(rows)
    outbox = StatusUpdates(rows.engine, personal=True)
    outbox.assign(["https://a.example"])
    *_, done = Erasure(rows.engine, actor="eva", keys=ErasureKeys()).run(person_of("ana@example.com"), "asked")
    assert done.notifications == 1
    (claimed,) = outbox.claim("https://a.example", 10, 60.0)
    update = claimed.update
    assert (update.notification_id, update.number, update.status) == (id_, 1, "sent")
    assert (update.keys, update.event, update.recipient) == ({}, "", None)
