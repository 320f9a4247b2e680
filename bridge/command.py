"""`notifier bridge`: wires one bridge and runs it until it is told to stop."""

import os
import signal
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.alarms.viewing import ViewWatch
    from bridge.brake import Brake
    from bridge.bridge import Bridge
    from bridge.loops import Loop
    from bridge.stream.client import Streams
    from bridge.stream.tree import ShardTree, Turn
    from notifier.outbox import Rewinds, StreamStatus
    from notifier.routes import Routes
    from notifier.settings import Settings

_MOST_SHARDS = 400
DEADLINE_SECONDS = 1.0
LAG_SECONDS = 30.0
UNROUTED_SECONDS = 10.0
REWIND_SECONDS = 2.0
DISCOVERY_EVERY_SECONDS = 10.0
LISTING_SECONDS = 10.0
"""How long a bridge that starts waits for its turn to list shards. After that the sweep does what was to be done."""


def bridge() -> None:
    """Read the tables' streams, record every event, publish it; relay what is due. Run as many as you like."""
    from notifier.health import Heartbeat
    from notifier.process.garbage import collect_rarely
    from notifier.settings import load_settings
    from notifier.telemetry import configure_logging, warn_of_unknown_variables

    settings = load_settings()
    configure_logging(settings, process="bridge")
    warn_of_unknown_variables()
    Heartbeat("bridge").checked()
    with wired(settings) as ready:
        collect_rarely()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: ready.stop())
        ready.run()


@contextmanager
def wired(settings: "Settings") -> "Iterator[Bridge]":  # noqa: PLR0915
    """A bridge that has everything it needs. Raises the NotifierError that names what is missing."""
    from bridge.alarms.discovery import DiscoveryWatch
    from bridge.behind import Behind
    from bridge.brake import Brake
    from bridge.bridge import LOOPS, POLLERS, Bridge
    from bridge.deadlines import Deadlines
    from bridge.loops import Loop
    from bridge.relay import RELAY_SECONDS, Relay
    from bridge.retention import RETENTION_SECONDS, DropOldDays
    from bridge.stream.client import Streams
    from bridge.stream.holdings import Holdings
    from bridge.stream.intake import Intake
    from bridge.stream.leases import Leases
    from bridge.stream.sweep import Sweep
    from bridge.stream.tree import ShardTree
    from notifier.broker import Queue
    from notifier.channels import silence, warn_of_silence
    from notifier.database.engine import connect
    from notifier.database.schema import check_schema
    from notifier.database.server import check_durable
    from notifier.health import Heartbeat
    from notifier.metrics import served
    from notifier.outbox import (
        Discovery,
        Partitions,
        Publications,
        Recording,
        Retention,
        Rewinds,
        StreamStatus,
        Unknowns,
    )
    from notifier.routes import load_routes

    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
    routes = load_routes(settings.routes)
    engine = connect(
        settings.database_url.get_secret_value(), pool_size=POLLERS + LOOPS, application="notifier bridge"
    )
    check_schema(engine)
    check_durable(engine, allowed=settings.allow_nondurable_database)
    queue = Queue(settings.broker_url.get_secret_value(), origin=owner)
    queue.check()
    streams = Streams(settings)
    partitions, tree, discovery = Partitions(engine), ShardTree(engine), Discovery(engine)
    views = check_streams(streams, routes, settings.tables, partial(tree.listing, LISTING_SECONDS))
    discovering = DiscoveryWatch(discovery, settings.tables)
    publications = Publications(engine, settings.look_again_seconds)
    outbox = Recording(engine, partitions)
    behind, leases = Behind(), Leases(engine, owner, settings.shard_lease_seconds, settings.tables)
    brake = Brake(publications, settings.outbox_high_water, leases.bridges)
    relay = Relay(engine, publications, queue, settings.queue_high_water, settings.unknown_after_seconds, behind)
    rewinds = Rewinds(engine, partitions, owner, settings.shard_lease_seconds)
    warn_of_silence((route.channel for route in routes), settings)
    deadlines = Deadlines(
        Unknowns(engine, settings.unknown_after_seconds), routes, partial(silence, settings=settings)
    )
    retention = DropOldDays(Retention(engine, settings.keep_days, explicit=settings.says("keep_days")))
    try:
        with served(engine, settings.metrics_port, settings.metrics_address, settings.keep_days):
            yield Bridge(
                streams,
                tree,
                Holdings(leases, _MOST_SHARDS),
                Intake(
                    outbox, publications, queue, routes, settings.queue_high_water, settings.not_before, behind, brake
                ),
                Sweep(settings.tables, streams, tree, views, discovery),
                brake,
                (
                    Loop("relay", RELAY_SECONDS, relay.turn),
                    Loop("discovery", DISCOVERY_EVERY_SECONDS, discovering.run_once),
                    Loop("deadlines", DEADLINE_SECONDS, deadlines.run_once),
                    *_watches(StreamStatus(engine), settings.tables),
                    _rewinding(rewinds, streams, routes, settings, tree, brake),
                    Loop("retention", RETENTION_SECONDS, retention.run_once),
                ),
                partitions,
                Heartbeat("bridge"),
                discovering.trouble,
            )
    finally:
        queue.close()
        engine.dispose()


def _watches(reading: "StreamStatus", tables: tuple[str, ...]) -> "tuple[Loop, ...]":
    """What looks at the reading now and then, and logs what is wrong."""
    from bridge.alarms.lag import LagWatch
    from bridge.alarms.unrouted import UnroutedWatch
    from bridge.loops import Loop

    return (
        Loop("lag", LAG_SECONDS, LagWatch(reading).run_once),
        Loop("unrouted", UNROUTED_SECONDS, UnroutedWatch(reading, tables).run_once),
    )


def _rewinding(
    rewinds: "Rewinds", streams: "Streams", routes: "Routes", settings: "Settings", tree: "ShardTree", brake: "Brake"
) -> "Loop":
    """What reads shards again that an operator rewound."""
    from bridge.loops import Loop
    from bridge.stream.rewinding import Rewinder

    rewinder = Rewinder(rewinds, streams, routes, settings.tables, settings.not_before, tree=tree, brake=brake)
    return Loop("rewind", REWIND_SECONDS, rewinder.run_once)


def check_streams(
    streams: "Streams",
    routes: "Routes",
    tables: tuple[str, ...],
    listing: "Callable[[], AbstractContextManager[Turn]] | None" = None,
) -> "ViewWatch":
    """What compares the streams with the routes; those that are there now are compared. Raises the NotifierError that
    says what is wrong with them.

    `listing` gives the turn to list; without it no other bridge lists. Where the turn does not come in time, a table
    without a stream and a wrong view type are found by the sweep, and told in the log.
    """
    import structlog

    from bridge.alarms.viewing import ViewWatch
    from bridge.stream.tree import Turn

    check_named(tables)
    watch = ViewWatch(streams, routes)
    with listing() if listing else nullcontext(Turn(ours=True)) as turn:
        if turn:
            watch.refuse(check_tables(streams, tables, turn.keep), turn.keep)
        else:
            structlog.get_logger(__name__).warning(
                "streams and routes are not compared at this start: other bridges list shards. The sweep will do it"
            )
    warn_of_tables(routes, tables)
    return watch


def check_named(tables: tuple[str, ...]) -> None:
    """Raises SettingsError where there is no table to read."""
    from notifier.errors import SettingsError

    if not tables:
        raise SettingsError("NOTIFIER_TABLES is not set: name the DynamoDB tables to read, separated by commas")


def check_tables(
    streams: "Streams", tables: tuple[str, ...], keep: "Callable[[], None]" = lambda: None
) -> dict[str, list[str]]:
    """The streams of each table. Raises SettingsError for a table without one, Unreachable where AWS does not answer.

    Where many start at once AWS may have no time for an answer: then the sweep finds out. `keep` is called before
    each table, see `Turn.keep`.
    """
    from bridge.stream.client import StreamThrottled
    from notifier.errors import SettingsError

    check_named(tables)
    listed: dict[str, list[str]] = {}
    for table in tables:
        keep()
        try:
            listed[table] = streams.streams(table)
        except StreamThrottled:
            continue
        if not listed[table]:
            raise SettingsError(
                f"the table {table!r} has no stream here: is NOTIFIER_TABLES right, and is a stream enabled on it "
                "(StreamViewType NEW_AND_OLD_IMAGES or NEW_IMAGE)?"
            )
    return listed


def warn_of_tables(routes: "Routes", tables: tuple[str, ...]) -> None:
    """Log the routes whose table is not read here, and the tables that are read without a route.

    Neither ends the bridge: another one may read the table, and the records of a table without a route are kept.
    """
    import structlog

    log = structlog.get_logger(__name__)
    for route in routes:
        if route.table not in tables:
            log.warning(
                "no event will reach this route: its table is not in NOTIFIER_TABLES",
                route=route.name,
                table=route.table,
            )
    for table in tables:
        if not routes.has_table(table):
            log.error(
                "no route is loaded for a table in NOTIFIER_TABLES: its records go to quarantine. "
                "Add a route, or take the table out",
                table=table,
            )
