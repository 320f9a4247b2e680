"""What a bridge checks of its tables, streams and routes before it reads anything."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import structlog

from bridge.alarms.views import ViewWatch
from bridge.stream.client import StreamsClient, StreamThrottled
from bridge.stream.tree import ListingTurn
from notifier.errors import SettingsError
from notifier.routes import Routes

log = structlog.get_logger(__name__)


def check_streams(
    streams: StreamsClient,
    routes: Routes,
    tables: tuple[str, ...],
    listing_turn: Callable[[], AbstractContextManager[ListingTurn]] | None = None,
) -> ViewWatch:
    """Compare the streams that exist now with the routes; return the watch that compares later ones.

    `listing_turn` waits until this bridge may list; without it no other bridge lists. If the turn does not come in
    time, the shard discovery finds a table without a stream and a wrong view type, and logs them.

    Raise SettingsError for no table or one without a stream, RoutesError for a route that could never match,
    Unreachable if AWS does not answer.
    """
    check_named(tables)
    watch = ViewWatch(streams, routes)
    with listing_turn() if listing_turn else nullcontext(ListingTurn(ours=True)) as turn:
        if turn:
            watch.check_at_start(check_tables(streams, tables, turn.keep_alive), turn.keep_alive)
        else:
            log.warning(
                "streams and routes are not compared at this start, as other bridges list shards: the shard "
                "discovery will do it"
            )
    warn_of_tables(routes, tables)
    return watch


def check_named(tables: tuple[str, ...]) -> None:
    """Raise SettingsError if there is no table to read."""
    if not tables:
        raise SettingsError("NOTIFIER_TABLES is not set: name the DynamoDB tables to read, separated by commas")


def check_tables(
    streams: StreamsClient, tables: tuple[str, ...], keep_alive: Callable[[], None] = lambda: None
) -> dict[str, list[str]]:
    """Return the streams of each table. Raise SettingsError for a table without one, Unreachable if AWS does not
    answer.

    Tables are left out whose listing is throttled, as when many bridges start at once: the shard discovery checks
    those. `keep_alive` is called before each table, see `ListingTurn.keep_alive`.
    """
    check_named(tables)
    listed: dict[str, list[str]] = {}
    for table in tables:
        keep_alive()
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


def warn_of_tables(routes: Routes, tables: tuple[str, ...]) -> None:
    """Log the routes whose table is not read here, and the tables that are read without a route.

    Neither ends the bridge: another one may read the table, and the records of a table without a route are kept.
    """
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
