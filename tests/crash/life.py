"""One life of a process that does everything once: bridge, relay, worker, feedback, deadlines; real parts throughout.

Runs in a process of its own, since it may be killed anywhere.
"""

import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from bridge.ahead import ReadAhead
from bridge.deadlines import Deadlines
from bridge.intake import Intake
from bridge.leases import Leases
from bridge.reader import ShardReader
from bridge.relay import Relay
from bridge.streams import Streams
from bridge.sweep import Sweep
from bridge.tree import ShardTree
from notifier import Email, Event, RetryPolicy, route
from notifier.broker import BrokerError, Queue
from notifier.database import connect
from notifier.errors import LeaseLost, Unreachable
from notifier.feedback import Feedback, FeedbackKind
from notifier.outbox import Attempts, Channels, Partitions, Publications, Settlement, Unknowns
from notifier.outbox import Intake as Outbox
from notifier.routes import Routes, routes_of
from notifier.settings import Settings
from notifier.templates import Templates
from tests.crash.faults import Fault, Point, faulty
from workers.channels.ses import SesChannel
from workers.deliver import Delivery
from workers.gate import Gate
from workers.limits import Limiter
from workers.underway import Underway

SHARD_LEASE = 60.0
UNKNOWN_AFTER = 0.2
PORTS: tuple[type, ...] = (
    Streams, Leases, ShardTree, Outbox, Publications, Attempts, Channels, Unknowns, Settlement, Queue, SesChannel,
    Limiter,
)  # fmt: skip
_ERRORS: dict[type, Callable[[], Exception]] = {
    Streams: lambda: Unreachable("the fault"),
    Queue: lambda: BrokerError("the fault"),
    SesChannel: lambda: RuntimeError("the fault"),
    Limiter: lambda: RuntimeError("the fault"),
}


@route(
    table="activity", channel="email", match={"kind": ["told", "quiet"]}, retry=RetryPolicy(attempts=50, base=0.05)
)
def a_route(event: Event) -> Email | None:
    item = event.new or {}
    return None if item["kind"] == "quiet" else Email(to=item["pk"], template="hello", context={"name": item["pk"]})


def _cut() -> Exception:
    return OperationalError("the fault", {}, Exception("the connection is gone"))


@dataclass(frozen=True)
class House:
    """Where everything is. As JSON it is the argument of the process."""

    database_url: str
    broker_url: str
    streams_url: str
    ses_url: str
    journal: str
    templates: str
    folder: str
    send_lease: float

    def settings(self) -> Settings:
        return Settings.model_validate(
            {
                "database_url": self.database_url,
                "broker_url": self.broker_url,
                "aws_dynamodb_endpoint_url": self.streams_url,
                "aws_ses_endpoint_url": self.ses_url,
                "aws_region": "eu-west-1",
                "sender": "us@example.com",
                "send_lease_seconds": self.send_lease,
            }
        )


class Life:
    """The parts of one process, one of them with a fault."""

    def __init__(self, house: House, fault: Fault) -> None:
        self._house = house
        self._fault = fault
        settings = house.settings()
        name = f"process {os.getpid()}"
        self.engine: Engine = connect(house.database_url)
        self.streams = self._port(Streams(settings))
        self.leases = self._port(Leases(self.engine, name, SHARD_LEASE))
        self.tree = self._port(ShardTree(self.engine))
        self.queue = self._port(Queue(house.broker_url, origin=name))
        self.publications = self._port(Publications(self.engine, look_again=0.1))
        self.channels = self._port(Channels(self.engine, actor=name, probe_seconds=0.05))
        self.settlement = self._port(Settlement(self.engine, channel="email", actor=name))
        self.unknowns = self._port(Unknowns(self.engine, UNKNOWN_AFTER))
        self.channel = self._port(SesChannel(settings))
        self.limiter = self._port(Limiter(house.broker_url, "email", self.channel.rate))
        self.routes = Routes(routes_of(a_route))
        outbox = self._port(Outbox(self.engine, Partitions(self.engine)))
        self.intake = Intake(outbox, self.publications, self.queue, self.routes, high_water=1_000)
        self.attempts = self._port(Attempts(self.engine, channel="email", worker=name, unknown_after=UNKNOWN_AFTER))
        self.relay = Relay(self.engine, self.publications, self.queue, 1_000, UNKNOWN_AFTER)
        self.deadlines = Deadlines(self.unknowns, self.routes)
        self.delivery = Delivery(
            self.attempts,
            self.channel,
            self.routes,
            Templates(Path(house.templates)),
            house.send_lease,
            Underway(),
            Gate(self.channels, "email"),
            self.limiter,
        )

    def close(self) -> None:
        self.queue.close()
        self.limiter.close()
        self.channel.close()
        self.engine.dispose()

    def live(self) -> None:
        """Do everything once. What fails is logged and left, as the loops of the processes do."""
        for step in (
            self._sweep, self._read, self._read, self.relay.run_once, self._deliver, self._feedback,
            self._mend_channel, self._deliver, self._feedback, self.deadlines.run_once, self.relay.run_once,
            self._deliver, self._feedback,
        ):  # fmt: skip
            try:
                step()
            except Exception as error:  # noqa: BLE001
                structlog.get_logger().info(
                    "step failed", step=getattr(step, "__name__", ""), error=repr(error)[:200]
                )

    def _port(self, port: Any) -> Any:
        return faulty(port, self._fault, _ERRORS.get(type(port), _cut))

    def _sweep(self) -> None:
        Sweep(["activity"], self.streams, self.tree).run_once()

    def _read(self) -> None:
        """Every shard that is free, to its tip or its end; then the leases are prolonged and given back."""
        ahead = ReadAhead(1)
        held = self.leases.acquire(10) or self.leases.steal(10)
        try:
            for lease in held:
                reader = ShardReader(lease, self.streams, self.intake, self.tree, ahead)
                with suppress(LeaseLost):
                    for _ in range(8):
                        if reader.poll() is None:
                            break
            self.leases.renew(held, {})
        finally:
            ahead.close()
            self.leases.release(held)

    def _deliver(self) -> None:
        """What the broker would give: all that is not done, and it may be given twice."""
        with self.engine.connect() as connection:
            ids = list(
                connection.execute(text("SELECT notification_id FROM deliveries WHERE status = 'pending'")).scalars()
            )
        for id_ in ids:
            self.delivery.deliver([id_])
        self.delivery.deliver(ids)

    def _feedback(self) -> None:
        self.settlement.settle(list(_events(Path(self._house.journal))))
        self.settlement.idle()

    def _mend_channel(self) -> None:
        """An operator who mends whatever was wrong."""
        self.channels.state("email")
        self.channels.all()
        if self.channels.claim_probe("email"):
            self.channels.reopen("email")
        self.channels.park("email", "for the test")
        self.channels.pause("email", "for the test")
        self.channels.resume("email")


def _events(journal: Path) -> list[Feedback]:
    """What SES publishes: of each accepted mail that it was sent and delivered."""
    found = []
    for line in journal.read_bytes().splitlines():
        mail = json.loads(line)
        at = datetime.fromisoformat(mail["time"])
        for kind in (FeedbackKind.SEND, FeedbackKind.DELIVERY):
            nid, attempt = UUID(mail["tags"]["nid"]), int(mail["tags"]["att"])
            found.append(Feedback(kind, mail["message_id"], at, at, nid, attempt))
    return found


def run(house: House, point: Point) -> None:
    """The whole of a process that meets its fault there."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Life(house, Fault(point, Path(house.folder))).live()
