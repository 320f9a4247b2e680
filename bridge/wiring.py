"""Builds a bridge from the settings, after it has checked what the bridge depends on."""

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from bridge.alarms.discovery import DiscoveryWatch
from bridge.alarms.lag import LagWatch
from bridge.alarms.unrouted import UnroutedWatch
from bridge.alarms.views import ViewWatch
from bridge.backlog import BackloggedQueues
from bridge.bridge import LOOPS, POLLERS, Bridge
from bridge.deadlines import Deadlines, capability_of
from bridge.outbox_limit import OutboxLimit
from bridge.relay import RELAY_SECONDS, Relay
from bridge.retention import RETENTION_SECONDS, DropOldDays
from bridge.startup_checks import check_streams
from bridge.stream.client import StreamsClient
from bridge.stream.discovery import ShardDiscovery
from bridge.stream.held_shards import HeldShards
from bridge.stream.intake import Intake
from bridge.stream.leases import Leases
from bridge.stream.rewinding import Rewinder
from bridge.stream.tree import ShardTree
from bridge.tracing.recording import broker_of, traced_recording
from notifier.broker import Broker
from notifier.channels import silence, warn_of_silence
from notifier.database.engine import Engine, connect
from notifier.database.schema import check_schema
from notifier.database.server import check_durable
from notifier.health.conditions import Condition, ProcessHealth
from notifier.health.heartbeat import Heartbeat
from notifier.health.questions import asking, broker_question, database_question
from notifier.health.server import serving
from notifier.lanes import channels_in
from notifier.metrics.outbox import OutboxMetrics
from notifier.outbox import Discovery, Partitions, Publications, Recording, Retention, Rewinds, StreamStatus, Unknowns
from notifier.process.loops import Loop
from notifier.process.restrictions import warn_of_restrictions
from notifier.routes import Routes
from notifier.routes.loading import load_routes, shadowed
from notifier.settings import Settings
from notifier.status_updates import wanted_of
from notifier.tracing.starting import tracing_of
from notifier.tracing.tracing import Tracing

_MOST_SHARDS = 400
DEADLINE_SECONDS = 1.0
LAG_SECONDS = 30.0
UNROUTED_SECONDS = 10.0
REWIND_SECONDS = 2.0
DISCOVERY_WATCH_SECONDS = 10.0
LISTING_SECONDS = 10.0
"""How long a bridge that starts waits for its turn to list shards. Then the shard discovery checks the streams."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """What several parts of one bridge use."""

    settings: Settings
    owner: str
    routes: Routes
    engine: Engine
    broker: Broker
    streams: StreamsClient
    tree: ShardTree
    partitions: Partitions
    publications: Publications
    leases: Leases
    limit: OutboxLimit
    backlogged: BackloggedQueues
    tracing: Tracing | None


@contextmanager
def wired(settings: Settings, before_start: Callable[[], None] = lambda: None) -> Iterator[Bridge]:
    """Give a bridge that is ready to run, and close its connections afterwards.

    `before_start` is called when all is checked, before anything listens or reads.
    Raise the NotifierError that names what is missing: a setting, a route, the schema, the broker, a stream.
    """
    shared = _shared(settings)
    try:
        turn = partial(shared.tree.listing_turn, LISTING_SECONDS)
        views = check_streams(shared.streams, shared.routes, settings.tables, turn)
        warn_of_silence((channel for route in shared.routes for channel in route.channels), settings)
        heartbeat = Heartbeat("bridge")
        bridge = _bridge(shared, views, heartbeat)
        before_start()
        with _serving_health(shared, bridge, heartbeat):
            yield bridge
    finally:
        if shared.tracing:
            shared.tracing.close()
        shared.broker.close()
        shared.engine.dispose()


@contextmanager
def _serving_health(shared: _Shared, bridge: Bridge, heartbeat: Heartbeat) -> Iterator[None]:
    settings = shared.settings
    questions = [
        database_question(settings.database_url.get_secret_value(), "notifier bridge checks"),
        broker_question(settings.broker_url.get_secret_value(), "email"),
    ]
    with asking(questions, wanted=bool(settings.metrics_port)) as servers:
        health = ProcessHealth(
            "bridge",
            heartbeat,
            lambda: bridge.is_stopping,
            alive=[Condition("loops", bridge.loops_trouble)],
            ready=[*servers, Condition("reading and recording", bridge.work_trouble)],
        )
        queues = shared.routes.queues
        outbox = OutboxMetrics(shared.engine, settings.keep_days, queues | channels_in(queues))
        with serving(settings.metrics_port, settings.metrics_address, health, [outbox]):
            yield


def _shared(settings: Settings) -> _Shared:
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
    routes = load_routes(settings.routes).asking_for(wanted_of(settings.status_updates))
    warn_of_restrictions(settings, routes)
    routes = shadowed(routes, settings)
    engine = connect(
        settings.database_url.get_secret_value(), pool_size=POLLERS + LOOPS, application="notifier bridge"
    )
    check_schema(engine)
    check_durable(engine, allowed=settings.allow_nondurable_database)
    tracing = tracing_of(settings, "bridge")
    broker = broker_of(settings.broker_url.get_secret_value(), owner, tracing)
    broker.check()
    publications = Publications(engine, settings.look_again_seconds, routes.lanes)
    leases = Leases(engine, owner, settings.shard_lease_seconds, settings.tables)
    return _Shared(
        settings=settings,
        owner=owner,
        routes=routes,
        engine=engine,
        broker=broker,
        streams=StreamsClient(settings),
        tree=ShardTree(engine),
        partitions=Partitions(engine),
        publications=publications,
        leases=leases,
        limit=OutboxLimit(publications, settings.outbox_high_water, leases.bridges),
        backlogged=BackloggedQueues(),
        tracing=tracing,
    )


def _bridge(shared: _Shared, views: ViewWatch, heartbeat: Heartbeat) -> Bridge:
    settings, discovery = shared.settings, Discovery(shared.engine)
    watch = DiscoveryWatch(discovery, settings.tables)
    return Bridge(
        shared.streams,
        shared.tree,
        HeldShards(shared.leases, _MOST_SHARDS),
        _intake(shared),
        ShardDiscovery(settings.tables, shared.streams, shared.tree, views, discovery),
        shared.limit,
        (
            Loop("relay", RELAY_SECONDS, _relay(shared).run_pass),
            Loop("discovery", DISCOVERY_WATCH_SECONDS, watch.run_once),
            Loop("deadlines", DEADLINE_SECONDS, _deadlines(shared).run_once),
            Loop("lag", LAG_SECONDS, LagWatch(StreamStatus(shared.engine)).run_once),
            Loop("unrouted", UNROUTED_SECONDS, UnroutedWatch(StreamStatus(shared.engine), settings.tables).run_once),
            Loop("rewind", REWIND_SECONDS, _rewinder(shared).run_once),
            Loop("retention", RETENTION_SECONDS, _retention(shared).run_once),
        ),
        shared.partitions,
        heartbeat,
        watch.trouble,
    )


def _intake(shared: _Shared) -> Intake:
    return Intake(
        traced_recording(Recording(shared.engine, shared.partitions), shared.tracing),
        shared.publications,
        shared.broker,
        shared.routes,
        shared.settings.queue_high_water,
        shared.settings.not_before,
        shared.backlogged,
        shared.limit,
    )


def _relay(shared: _Shared) -> Relay:
    return Relay(
        shared.engine,
        shared.publications,
        shared.broker,
        shared.settings.queue_high_water,
        shared.settings.unknown_after_seconds,
        shared.backlogged,
    )


def _deadlines(shared: _Shared) -> Deadlines:
    settings = shared.settings
    unknowns = Unknowns(shared.engine, settings.unknown_after_seconds, settings.ses_configuration_set)
    return Deadlines(
        unknowns, shared.routes, partial(silence, settings=settings), partial(capability_of, settings=settings)
    )


def _rewinder(shared: _Shared) -> Rewinder:
    settings = shared.settings
    return Rewinder(
        Rewinds(shared.engine, shared.partitions, shared.owner, settings.shard_lease_seconds),
        shared.streams,
        shared.routes,
        settings.tables,
        shared.tree,
        shared.limit,
        settings.not_before,
    )


def _retention(shared: _Shared) -> DropOldDays:
    settings = shared.settings
    return DropOldDays(Retention(shared.engine, settings.keep_days, explicit=settings.is_set("keep_days")))
