"""A process that does everything once: bridge, relay, worker, feedback and operator, made of the real parts.

It may be killed anywhere, so it runs in a process of its own.
"""

import json
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import redis
import structlog
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from bridge.alarms.discovery import DiscoveryWatch
from bridge.alarms.views import ViewWatch
from bridge.deadlines import Deadlines
from bridge.outbox_limit import OutboxLimit
from bridge.relay import Relay
from bridge.stream.client import StreamsClient
from bridge.stream.discovery import ShardDiscovery
from bridge.stream.intake import Intake
from bridge.stream.leases import Leases
from bridge.stream.prefetch import Prefetcher
from bridge.stream.reader import ShardReader
from bridge.stream.rewinding import Rewinder
from bridge.stream.tree import ShardTree
from notifier.broker import Broker, BrokerError
from notifier.channels import Capability
from notifier.database.engine import connect
from notifier.errors import LeaseLost, Unreachable
from notifier.feedback import Feedback, FeedbackKind
from notifier.messages import Message, Sms
from notifier.notifications import Status
from notifier.outbox import (
    Attempts,
    Change,
    ChannelStates,
    Digests,
    Discovery,
    DueNotification,
    NewSuppression,
    Operations,
    OptOuts,
    Partitions,
    Publications,
    Recording,
    RewindRequests,
    Rewinds,
    RewindTarget,
    Search,
    Selection,
    Settlement,
    ShardLease,
    StatusUpdates,
    Suppressions,
    Suspects,
    Unknowns,
)
from notifier.outcomes import Outcome, Rejected
from notifier.routes import Routes, routes_of
from notifier.templates import Templates
from tests.crash.environment import (
    ROUTES,
    ROUTES_AT_FIRST,
    UNKNOWN_AFTER,
    Environment,
    a_cancelled_route,
    a_careful_route,
    a_fallback_route,
    a_route,
    a_waiting_route,
)
from tests.crash.faults import Fault, Point, faulty
from tests.crash.inbox import Inbox
from tests.crash.product import Product
from workers.building.preparer import Preparer
from workers.channels.ses import SesChannel
from workers.collaborators import Collaborators
from workers.deliverer import Deliverer
from workers.isolation.child import Built, Child
from workers.isolation.isolated_builds import IsolatedBuilds
from workers.process.in_progress import InProgress
from workers.sending.account import AccountState
from workers.sending.bucket import TokenBucket
from workers.status_updates.sender import UpdateSender

PORTS: tuple[type, ...] = (
    StreamsClient, Leases, ShardTree, Partitions, Recording, Publications, Broker, TokenBucket, ChannelStates,
    Attempts, SesChannel, Inbox, Settlement, Unknowns, Operations, Suppressions, Rewinds, RewindRequests,
    Suspects, Discovery, StatusUpdates, OptOuts, Digests,
)  # fmt: skip
SHARD_LEASE, HUNG, GONE = 60.0, 1, 0.0
"""Seconds."""
_ROOM, _CROWDED = 1_000, 1
"""Messages in the broker at most; a crowded one takes one publication and then no other."""
_REFUSING_LEASE = 8.0
"""Seconds. Its one attempt must not be too late on a slow machine; the process that takes over ends leases itself."""
_ERRORS: dict[type, Callable[[], Exception]] = {
    StreamsClient: lambda: Unreachable("the fault"),
    Broker: lambda: BrokerError("the fault"),
    SesChannel: lambda: RuntimeError("the fault"),
    TokenBucket: lambda: RuntimeError("the fault"),
    Inbox: lambda: BrokerError("the fault"),
}

_ACCEPTED_FIRST = text("""
SELECT notification_id FROM notifications WHERE notification_id = ANY(CAST(:ids AS uuid[]))
ORDER BY strpos(convert_from(record, 'utf8'), '"told"') = 0, notification_id
""")

log = structlog.get_logger(__name__)


def _cut() -> Exception:
    return OperationalError("the fault", {}, Exception("the connection is gone"))


class Refusing:
    """The channel `sms`, whose provider refuses everything."""

    capability = Capability.NONE
    one_provider = True
    request_type = Sms

    address = staticmethod(str)

    def rate(self) -> float | None:
        return None

    def render(self, request: Any, _: Templates) -> Any:
        return request.text

    def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
        return [Rejected("it refuses everything")] * len(messages)

    def close(self) -> None:
        """Do nothing: there is no connection."""


class Here(Child):
    """Builds in this process instead of in a child of its own, so that a kill ends everything."""

    def __init__(self, preparer: Preparer) -> None:
        self._preparer = preparer

    @property
    def is_running(self) -> bool:
        return True

    def build(self, work: DueNotification, timeout: float) -> Built | Change:
        built = self._preparer.prepare(work)
        return built if isinstance(built, Change) else Built(built.request, built.content, built.address)

    def kill(self) -> None:
        """Do nothing: there is no child."""


class Process:
    """The parts of one process, one of them with a fault."""

    def __init__(self, environment: Environment, fault: Fault) -> None:
        self._environment = environment
        self._fault = fault
        name = f"process {os.getpid()}"
        settings = environment.settings()
        self._with_events = settings.model_copy(update={"ses_configuration_set": "with-events"})
        self.engine = connect(environment.database_url)
        self.search = Search(self.engine, budget=None)
        self.operations = self._port(Operations(self.engine, actor="operator"))
        self.suppressions = self._port(Suppressions(self.engine, actor="operator"))
        self.opt_outs = self._port(OptOuts(self.engine, actor="preferences", topics=["news", "offers"]))
        self._wire_bridge(name, StreamsClient(settings))
        self._wire_worker(name, SesChannel(settings))

    def _wire_bridge(self, name: str, streams: StreamsClient) -> None:
        routes, at_first = (
            Routes([found for each in some for found in routes_of(each)]) for some in (ROUTES, ROUTES_AT_FIRST)
        )
        self.streams = self._port(streams)
        self.leases = self._port(Leases(self.engine, name, SHARD_LEASE, ["activity"]))
        self.tree = self._port(ShardTree(self.engine, hung_seconds=HUNG))
        self.partitions = self._port(Partitions(self.engine))
        self.discovery = self._port(Discovery(self.engine))
        self.broker = self._port(Broker(self._environment.broker_url, origin=name))
        self.publications = self._port(Publications(self.engine, look_again=30.0))
        self.routes = routes
        outbox = self._port(Recording(self.engine, self.partitions))
        self.intake = Intake(outbox, self.publications, self.broker, at_first, _ROOM)
        self.rewinds = self._port(Rewinds(self.engine, self.partitions, name, SHARD_LEASE))
        self.rewinding = self._port(RewindRequests(self.engine, actor="operator"))
        self.rewinder = Rewinder(
            self.rewinds,
            self.streams,
            routes,
            ["activity"],
            self.tree,
            OutboxLimit(self.publications, 1_000),
            gone_seconds=GONE,
        )
        self.relay, self.crowded_relay = (
            Relay(self.engine, self.publications, self.broker, high_water, UNKNOWN_AFTER)
            for high_water in (_ROOM, _CROWDED)
        )
        self.unknowns = self._port(Unknowns(self.engine, UNKNOWN_AFTER))
        self.updates = self._port(StatusUpdates(self.engine, personal=True))
        self.settlement = self._port(Settlement(self.engine, channel="email", actor=name))

    def _wire_worker(self, name: str, channel: SesChannel) -> None:
        self.channels = self._port(ChannelStates(self.engine, actor=name, probe_seconds=0.0))
        self.channel = self._port(channel)
        self.inbox = self._port(Inbox(self._environment.broker_url))
        limiter = TokenBucket(
            self._environment.broker_url, "email", self.channel.rate, sleep=self._environment.refill_rate
        )
        self.limiter = self._port(limiter)
        attempts = Attempts(self.engine, channel="email", worker=name, unknown_after=UNKNOWN_AFTER)
        templates = Templates(Path(self._environment.templates))
        preparer = Preparer(self.channel, self.routes, templates, name="email")
        self.delivery = Deliverer(
            Collaborators(
                attempts=self._port(attempts),
                channel=self.channel,
                routes=self.routes,
                preparer=preparer,
                in_progress=InProgress(),
                account=AccountState(self.channels, "email"),
                bucket=self.limiter,
                lease_seconds=self._environment.send_lease,
                digests=self._port(Digests(self.engine, channel="email")),
                isolated=IsolatedBuilds(lambda: Here(preparer), self._port(Suspects(self.engine)), preparer),
            )
        )
        self._refusing_rate = TokenBucket(self._environment.broker_url, "sms", lambda: None)
        refusing = Refusing()
        self.refusing = Deliverer(
            Collaborators(
                attempts=self._port(Attempts(self.engine, channel="sms", worker=name, unknown_after=UNKNOWN_AFTER)),
                channel=refusing,
                routes=self.routes,
                preparer=Preparer(refusing, self.routes, templates, name="sms"),
                in_progress=InProgress(),
                account=AccountState(self.channels, "sms"),
                bucket=self._refusing_rate,
                lease_seconds=max(self._environment.send_lease, _REFUSING_LEASE),
            )
        )

    def close(self) -> None:
        self.broker.close()
        self.limiter.close()
        self._refusing_rate.close()
        self.channel.close()
        self.engine.dispose()

    def run_once(self) -> None:
        """Do everything once. An error is logged and the next step is taken, as in the loops of the processes."""
        for step in (
            self._find_shards, self._read, self._measure, self._steal, self._measure, self._rewind,
            self.relay.run_once, self.crowded_relay.run_once, self._broker_forgets, self.crowded_relay.run_once,
            self.relay.run_once, self._cancel_moot, self._deliver,
            self._a_minute, self.relay.run_once, self._bring_forward, self._an_hour, self.relay.run_once,
            self._deliver,
            self.settle_feedback, self.settle_unknowns, self._redrive_failed, self.relay.run_once, self._deliver,
            self._pause, self.relay.run_once, self._deliver, self._refuse, self._a_minute, self.relay.run_once,
            self._deliver, self.settle_feedback, self._tell_product,
        ):  # fmt: skip
            try:
                step()
            except Exception as error:  # noqa: BLE001
                log.info("step failed", step=step.__name__, error=repr(error)[:200])

    def _port(self, port: Any) -> Any:
        return faulty(port, self._fault, _ERRORS.get(type(port), _cut))

    def _find_shards(self) -> None:
        self.broker.check()
        self.partitions.ensure_around(datetime.now(UTC).date())
        self._measure()
        views = ViewWatch(self.streams, self.routes)
        ShardDiscovery(["activity"], self.streams, self.tree, views, self.discovery).run_once()
        DiscoveryWatch(self.discovery, ["activity"]).run_once()

    def _measure(self) -> None:
        """Measure the backlog; above half of the high-water mark a sample is looked up."""
        OutboxLimit(self.publications, high_water=1, bridges=self.leases.bridges).measure()

    def _read(self) -> None:
        """Read every free shard."""
        self._read_shards(self.leases.acquire(10))

    def _steal(self) -> None:
        """Steal our share of the shards from a bridge that holds all of them."""
        neighbour = Leases(self.engine, "neighbour", SHARD_LEASE, ["activity"])
        theirs = neighbour.acquire(10)
        try:
            self._read_shards(self.leases.steal(10))
        finally:
            neighbour.release(theirs)
        self._read()

    def _read_shards(self, held: Sequence[ShardLease]) -> None:
        """Read to the tip or the end of each, and mark what is published; then renew and release the leases."""
        ahead = Prefetcher(1)
        try:
            for lease in held:
                shard = ShardReader(lease, self.streams, self.intake, self.tree, ahead, GONE)
                with suppress(LeaseLost):
                    for _ in range(4):
                        if shard.poll() is None:
                            break
            self.intake.mark_published()
            self.leases.renew(held, {})
        finally:
            ahead.close()
            self.leases.release(held)

    def _rewind(self) -> None:
        """An operator asks for a rewind after a late deployment; the bridge reads the unrouted records again."""
        target = RewindTarget("activity")
        self.rewinding.recent()
        self.rewinding.cancel(target, "asked for by a process that is dead")
        self.rewinding.plan(target)
        asked = self.rewinding.ask(target, "a route came late")
        self.rewinding.paused(asked)
        if (rewind := self.rewinds.take(["activity"])) is not None:
            self.rewinds.is_forgotten(rewind)
            self.rewinds.failed(rewind, "the stream did not answer")
        for _ in range(60):
            if not self.rewinding.open(asked):
                break
            self.rewinder.run_once()

    def _broker_forgets(self) -> None:
        with redis.Redis.from_url(self._environment.broker_url) as client:
            client.flushdb()

    def _deliver(self) -> None:
        """Deliver each message of the broker twice, then acknowledge all."""
        ids = self._accepted_first(self.inbox.take())
        for id_ in ids:
            self.delivery.deliver([id_], suspects=id_ == ids[0])
        self.delivery.deliver(ids)
        self.inbox.ack()

    def _refuse(self) -> None:
        """Deliver each message of the channel that refuses everything twice: they go on to email."""
        ids = self.inbox.take("sms")
        for _ in range(2):
            self.refusing.deliver(ids)
        self.inbox.ack("sms")

    def _accepted_first(self, ids: Collection[UUID]) -> list[UUID]:
        """Put those first whose mail SES accepts: a fault there could send twice."""
        with self.engine.connect() as connection:
            return list(connection.execute(_ACCEPTED_FIRST, {"ids": list(ids)}).scalars())

    def _bring_forward(self) -> None:
        """An operator brings forward what waits for a time."""
        list(self.operations.bring_forward(Selection(route=a_waiting_route.__name__), "at once", per_second=1_000.0))

    def _a_minute(self) -> None:
        self._environment.make_publications_due(self.engine)

    def _an_hour(self) -> None:
        self._environment.advance_an_hour(self.engine)

    def settle_feedback(self) -> None:
        self.settlement.settle(list(_events(self._mails())))
        self.settlement.match_again()
        self.settlement.note_settled_before()

    def settle_unknowns(self) -> None:
        Deadlines(self.unknowns, self.routes, lambda _: self.channel.silence(self._with_events)).run_once()

    def _cancel_moot(self) -> None:
        """An operator lists, and cancels the deliveries of one route."""
        self.broker.depth("email")
        self.broker.is_taken_from("email")
        self.broker.info()
        self.broker.option("maxmemory-policy")
        self.channels.all()
        list(self.operations.cancel(Selection(route=a_cancelled_route.__name__), "nobody asked for it"))
        self.suppressions.add("email", "nobody@example.com", reason="manual")
        self.suppressions.list()
        self.suppressions.add_all([NewSuppression("email", "nobody@example.com")], "from a file")
        list(self.suppressions.export("for a file"))
        self.suppressions.remove("email", "nobody@example.com")
        self.suppressions.has_opted_out("email", "nobody@example.com", "news")
        self.opt_outs.change("email", "nobody@example.com", leave=["news"])
        self.opt_outs.change("email", "nobody@example.com", join=["news"])
        self.opt_outs.read("email", "nobody@example.com")

    def _redrive_failed(self) -> None:
        """An operator redrives what failed, and resolves held outcomes by what SES accepted."""
        failed = Selection(route=a_route.__name__)
        self.operations.count(failed, Status.FAILED)
        self.operations.count_maybe_sent(failed)
        list(self.operations.redrive(failed, "the template is mended", per_second=1_000.0))
        accepted = {mail["nid"] for mail in self._mails()}
        for row in [
            found
            for route in (a_careful_route, a_fallback_route)
            for found in self.search.page(Selection(route=route.__name__), [Status.UNKNOWN]).rows
        ]:
            found = Status.SENT if str(row["notification_id"]) in accepted else Status.PENDING
            self.operations.resolve(row["notification_id"], found, "as SES's own record says")

    def _pause(self) -> None:
        """An operator pauses the channel, and resumes it."""
        self.channels.pause("email", "for a moment")
        self._deliver()
        self.channels.resume("email")

    def _tell_product(self) -> None:
        """Send all status updates: the first round fails, and what was claimed is due again."""
        product = Product(self._environment.told)
        sender = UpdateSender(self.updates, product, [product.name])
        while sender.run_once():
            with self.engine.begin() as connection:
                connection.execute(text("UPDATE status_updates SET due_at = now()"))
        self.updates.backlog()

    def _mails(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in Path(self._environment.journal).read_bytes().splitlines()]


def _events(mails: Sequence[dict[str, Any]]) -> list[Feedback]:
    """The events of SES for accepted mails: send and delivery."""
    found = []
    for mail in mails:
        at = datetime.fromisoformat(mail["time"])
        for kind in (FeedbackKind.SEND, FeedbackKind.DELIVERY):
            nid, attempt = UUID(mail["tags"]["nid"]), int(mail["tags"]["att"])
            found.append(Feedback(kind, mail["message_id"], at, at, nid, attempt))
    return found


def run(environment: Environment, point: Point) -> None:
    """Run a process that has its fault at `point`."""
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory((Path(environment.folder) / "log").open("w", buffering=1))
    )
    Process(environment, Fault(point, Path(environment.folder))).run_once()
