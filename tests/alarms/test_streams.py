"""The alarms of tables and their streams."""

from signal import SIGKILL

import pytest

from tests.alarms.faults import causes
from tests.alarms.routes import OTHER_TABLES
from tests.alarms.watched import BEHIND, Watched, alarm
from tests.chaos.environment import TABLE
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(500)

PROCESSES = ("bridge",)
ORDERS = "orders"
OPTIONS = {"NOTIFIER_TABLES": ",".join(each for each in (TABLE, *OTHER_TABLES) if each != ORDERS)}


def prepare(watched: Watched) -> None:
    for table in OTHER_TABLES:
        watched.world.streams.post("tables", table=table, shards=1)


@causes("NotifierViewFaults", "NotifierQuarantine")
def test_a_stream_that_leaves_out_what_a_route_reads(watched: Watched) -> None:
    anew(watched, "viewed", "KEYS_ONLY")
    watched.expect(alarm("NotifierViewFaults", table="viewed"))
    watched.write("told", table="viewed")
    watched.expect(alarm("NotifierQuarantine"))
    anew(watched, "viewed", "NEW_AND_OLD_IMAGES")
    watched.command("audit", "--acknowledge-quarantine")
    watched.quiet()


@causes("NotifierRecordsLost")
def test_a_shard_that_vanishes(watched: Watched) -> None:
    """It is looked for during half a minute, in which nothing of it is read."""
    watched.world.streams.post("vanish", shard=shard_of(watched, "lost"))
    watched.expect(alarm("NotifierRecordsLost"), beside=BEHIND)
    watched.command("audit", "--acknowledge-gaps")
    watched.quiet()


@causes("NotifierTableUnrouted")
def test_records_without_a_route(watched: Watched) -> None:
    with watched.writing("of no route", table="unrouted"):
        watched.expect(alarm("NotifierTableUnrouted", table="unrouted"))
    watched.write("told", table="unrouted")
    watched.quiet()


@causes(
    "NotifierListingFails", "NotifierShardsChildless", "NotifierStreamWaits", "NotifierLag", "NotifierLagCritical"
)
def test_streams_that_cannot_be_read_on(watched: Watched) -> None:
    """One table's shards cannot be listed, one's shard has no child that is shown, one's old stream is not read."""
    streams = watched.world.streams
    streams.add_faults({"kind": "error", "match": {"operation": "DescribeStream", "table": "unlisted"}})
    streams.add_faults({"kind": "error", "match": {"operation": "GetRecords", "table": "stuck"}})
    anew(watched, "stuck", "NEW_AND_OLD_IMAGES")
    streams.post("settings", children_after_seconds=1_000.0)
    streams.post("rotate", shard=shard_of(watched, "childless"))
    streams.post("settings", children_after_seconds=0.0)
    waits = alarm("NotifierStreamWaits", table="stuck")
    childless = alarm("NotifierShardsChildless", table="childless")
    unlisted = alarm("NotifierListingFails", table="unlisted")
    watched.expect(alarm("NotifierLag"), waits, childless, unlisted)
    watched.expect(alarm("NotifierLagCritical"), waits, childless, unlisted)
    streams.clear_faults()
    streams.post("advance", seconds=1_000.0)
    watched.quiet()


@causes("NotifierShardsUnread", "NotifierRewindWaits")
def test_a_bridge_that_alone_has_a_table_is_killed(watched: Watched) -> None:
    bridge = watched.start("orders-bridge", NOTIFIER_TABLES=ORDERS)
    unread = f'max(notifier_table_shards_unread{{table="{ORDERS}"}})'
    wait_until(lambda: watched.prometheus.values(unread) == [0.0], 90)  # no sample before it has a shard
    before = watched.prometheus.values(UNROUTED)
    watched.write("of no route", table=ORDERS)  # what a rewind reads again
    wait_until(lambda: watched.prometheus.values(UNROUTED) > before, 90)
    watched.quiet()
    bridge.stop(SIGKILL)
    watched.expect(alarm("NotifierShardsUnread", table=ORDERS))
    watched.command("rewind", "--table", ORDERS, "--reason", "its routes were mended")
    watched.expect(alarm("NotifierRewindWaits", table=ORDERS))
    watched.start("orders-bridge", NOTIFIER_TABLES=ORDERS)
    watched.quiet()


UNROUTED = 'max(notifier_stream_records_total{result="unrouted"})'


def anew(watched: Watched, table: str, view: str) -> None:
    """Switch the stream of a table off and on, with another view type: it has a new stream."""
    watched.allow(*BEHIND)
    watched.world.streams.post("disable", table=table)
    watched.world.streams.post("enable", table=table, view=view, shards=1)


def shard_of(watched: Watched, table: str) -> str:
    """Return the id of the open shard of a table that has one."""
    shards = watched.world.streams.get("truth?records=0")["shards"]
    (shard,) = (each["shard"] for each in shards if f":table/{table}/" in each["stream"] and not each["closed"])
    return str(shard)
