"""Runs environments one after another on the same servers, and judges what came out of each."""

import json
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import redis
from sqlalchemy import Engine, text

from bridge.alarms.views import ViewWatch
from bridge.stream.client import Shard, StreamsClient
from bridge.stream.discovery import ShardDiscovery
from bridge.stream.tree import ShardTree
from notifier.database.engine import connect
from notifier.notifications import Status
from notifier.outbox import LARGE, Discovery, Report
from notifier.routes import Routes
from sandbox.embedded.ses import SesServer
from sandbox.embedded.streams import StreamsServer
from tests.crash.environment import (
    COLLECTED,
    COLLECTOR,
    LATE,
    LIMITED,
    MAILED,
    OFFERED,
    PROVIDER_FAULTS,
    SOLD,
    UNMAILED,
    UNROUTED,
    Environment,
    those_beside,
)
from tests.crash.faults import Effect, Fault, Point
from tests.crash.process import Process, run
from tests.crash.product import untold
from tests.waiting import wait_until

Entry = Callable[[Environment, Point], None]
"""What a process runs: all of it, with its fault at the point."""
_FORK = multiprocessing.get_context("forkserver")
_FORK.set_forkserver_preload(["tests.crash.process"])

OPEN = {Status.PENDING, Status.SENDING, Status.UNKNOWN, Status.FAILED}
"""Failed deliveries count as open: the operator of each process redrives them."""
LONG, SHORT = 8.0, 2.0
"""Seconds of an attempt's lease. Nothing waits for the end of the long one; a pause outlasts the short one."""
_CHILDLESS = "shardId-00000000000000000000-childless"
_END_YESTERDAY = text("""
UPDATE shards SET state = 'finished', finished_at = now() - interval '25 h' WHERE shard_id = :shard
""")


@dataclass(frozen=True)
class Told:
    """What the oracle found: all of it must be empty."""

    lost: list[str]
    duplicated: list[str]
    unexpected: list[str]
    open: list[str]
    unbalanced: list[str]
    gaps: list[str]
    untold: list[str]

    @property
    def good(self) -> bool:
        return not any(asdict(self).values())

    def __str__(self) -> str:
        return ", ".join(f"{name}: {' '.join(found)}" for name, found in asdict(self).items() if found) or "good"


class Site:
    """A set of servers for one environment at a time; its state is wiped before the next one."""

    def __init__(
        self,
        database_url: str,
        broker_url: str,
        streams: StreamsServer,
        ses: SesServer,
        folder: Path,
        patience: float = 60.0,
        mutant: Callable[[], None] | None = None,
    ) -> None:
        """`patience`: seconds in which all must settle. A `mutant` patches the process that has the fault."""
        self._patience, self._mutant = patience, mutant
        self._streams, self._ses, self._folder = streams, ses, folder
        self._broker_url = broker_url
        self._engine: Engine = connect(database_url)
        self._numbers = count()
        self._rows = 0
        self._vanished = self._trimmed = ""
        templates = folder / "templates" / "hello"
        templates.mkdir(parents=True)
        (templates / "subject.txt").write_text("Hello")
        (templates / "body.txt").write_text("Dear {{ name }}")
        (collected := templates.with_name("collected")).mkdir()
        (collected / "subject.txt").write_text("{{ name }}")
        (collected / "body.txt").write_text("See the subject.")
        self._fixed = {
            "database_url": database_url,
            "broker_url": broker_url,
            "streams_url": streams.url,
            "ses_url": ses.url,
            "journal": str(ses.journal),
            "templates": str(templates.parent),
        }

    def close(self) -> None:
        self._engine.dispose()

    def judge_after(self, *points: Point) -> Told:
        """Run a process for each fault, then processes without one until all is settled, and judge."""
        environment = self.cleared(SHORT if any(each.effect is Effect.PAUSE for each in points) else LONG)
        self._make_table(environment)
        expected = set().union(*[self._meets(environment, point) for point in points])
        self._streams.post("rotate", shard=self._trimmed)
        expected |= self._drain(environment)
        return self._judge(expected, environment)

    def _meets(self, environment: Environment, point: Point) -> set[str]:
        """Run a process with the fault; while it is paused, others go on. Return who must get a mail."""
        environment.advance_an_hour(self._engine)
        self.plan(_provider_faults())
        expected = self._write(*MAILED, OFFERED, *UNMAILED, *[COLLECTED] * 3, UNROUTED, LATE)
        with self.with_fault(environment, point, run):
            if point.effect is Effect.PAUSE:
                expected |= self._drain(environment)
        return expected

    def cleared(self, send_lease: float) -> Environment:
        """Return an empty environment."""
        with self._engine.begin() as connection:
            names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
            connection.execute(text(f"TRUNCATE {', '.join(name for name in names if name != 'alembic_version')}"))
        with redis.Redis.from_url(self._broker_url) as client:
            client.flushdb()
        urlopen(Request(f"{self._ses.url}/_sim/reset", method="POST"), timeout=5).close()
        self._rows = 0
        environment = Environment(**self._fixed, folder=str(self._new_folder()), send_lease=send_lease)
        environment.told.unlink(missing_ok=True)
        return environment

    def _new_folder(self) -> Path:
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        return folder

    def _make_table(self, environment: Environment) -> None:
        """Three shards: one vanishes unread, one ends, one says at first that it is trimmed. A fourth ended
        yesterday, and no child of it ever appeared.
        """
        self._streams.post("reset")
        self._streams.post("tables", table="activity", shards=3)
        self._write(*[UNROUTED] * 6)
        vanishing, ending, trimmed = self._streams.get("truth?records=0")["shards"]
        for each in (vanishing, ending):
            self._streams.post("rotate", shard=each["shard"])
        tree = ShardTree(self._engine)
        streams = StreamsClient(environment.settings())
        views = ViewWatch(streams, Routes([]))
        ShardDiscovery(["activity"], streams, tree, views, Discovery(self._engine)).run_once()
        self._end_childless(tree, ending["stream"])
        self._streams.post("vanish", shard=vanishing["shard"])
        match = {"operation": "GetShardIterator", "shard": trimmed["shard"]}
        self._streams.add_faults({"kind": "trimmed", "times": 1, "match": match})
        self._vanished, self._trimmed = vanishing["shard"], trimmed["shard"]

    def _end_childless(self, tree: ShardTree, arn: str) -> None:
        tree.register("activity", arn, [Shard(_CHILDLESS, None, closed=True)])
        with self._engine.begin() as connection:
            connection.execute(_END_YESTERDAY, {"shard": _CHILDLESS})

    def _write(self, *kinds: str) -> set[str]:
        """Write one event of each kind. Return the recipients to whom SES must have accepted a mail in the end."""
        number = next(self._numbers)
        items = [{"pk": _recipient(kind, number, n), "sk": str(n), "kind": kind} for n, kind in enumerate(kinds)]
        items[0]["text"] = "x" * LARGE  # its record is loaded for itself
        self._streams.post("put", table="activity", items=items)
        self._rows += sum(kind != UNROUTED for kind in kinds) + kinds.count(SOLD)
        return {str(item["pk"]) for item in items if item["kind"] in (*MAILED, LATE, COLLECTED)} | {
            each for item in items if item["kind"] in (SOLD, OFFERED) for each in those_beside(str(item["pk"]))
        }

    @contextmanager
    def with_fault(self, environment: Environment, point: Point, run_in: Entry) -> Iterator[None]:
        """Run the process with the fault. In the block it has ended, or is paused."""
        environment = replace(environment, folder=str(self._new_folder()))
        fault = Fault(point, Path(environment.folder))
        child = _FORK.Process(target=_in_process, args=(self._mutant, run_in, environment, point))
        child.start()
        try:
            if point.effect is Effect.PAUSE:
                wait_until(lambda: fault.reached.exists() or not child.is_alive(), seconds=60)
            else:
                child.join(60)
            assert fault.reached.exists(), f"{point} was never reached: add a call to tests/crash/process.py"
            began = fault.reached.stat().st_mtime
            yield
            if point.effect is Effect.PAUSE:
                now = fault.reached.with_name("now")
                wait_until(lambda: now.touch() or now.stat().st_mtime > began + SHORT, seconds=10)
            fault.go_on.touch()
            child.join(60)
            assert not child.is_alive(), f"{point}: it does not end"
        finally:
            if child.is_alive():
                child.kill()

    def _drain(self, environment: Environment) -> set[str]:
        """Run processes without faults until nothing is open. Each writes one more event, as proof of feedback."""
        more: set[str] = set()

        def settled() -> bool:
            environment.advance_an_hour(self._engine)
            more.update(self._write("told"))
            process = Process(environment, Fault(None, Path(environment.folder)))
            try:
                process.run_once()
            finally:
                process.close()
            totals = Report(self._engine).totals()
            settled = not any(totals.get(each) for each in OPEN) and sum(totals.values()) == self._rows
            return settled and not self._rows_of("SELECT FROM status_updates LIMIT 1")

        with suppress(AssertionError):  # what does not settle in time is for the oracle to tell
            wait_until(settled, self._patience)
        return more

    def _rows_of(self, query: str) -> list[dict[str, Any]]:
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]

    def _judge(self, expected: set[str], environment: Environment) -> Told:
        accepted = self.accepted()
        report = Report(self._engine)
        shards, stranded = report.audit()
        totals = report.totals()
        return Told(
            lost=sorted(expected - accepted.keys()),
            duplicated=sorted(to for to, times in accepted.items() if times > 1),
            unexpected=sorted(accepted.keys() - expected),
            open=[str(each) for each in OPEN if totals.get(each)]
            + [str(row) for row in stranded]
            + [f"{sum(totals.values())} rows of {self._rows}"] * (sum(totals.values()) != self._rows),
            unbalanced=[
                row["shard_id"]
                for row in shards
                if row["records_read"] != row["notified"] + row["records_unrouted"] + row["quarantine"]
            ],
            gaps=sorted({gap["shard_id"] for gap in report.gaps()} ^ {self._vanished, _CHILDLESS}),
            untold=untold(
                environment.told,
                self._rows_of("SELECT notification_id, status, updates FROM deliveries"),
            ),
        )

    def accepted(self) -> Counter[str]:
        """Return how often SES accepted a mail to each recipient, or one that names it if several have one mail."""
        found: Counter[str] = Counter()
        for line in self._ses.journal.read_bytes().splitlines():
            mail = json.loads(line)
            found.update(mail["subject"].split() if mail["to"] == COLLECTOR else [mail["to"]])
        return found

    def plan(self, rules: Sequence[dict[str, Any]]) -> None:
        """Give SES these faults and no others."""
        for method, body in (("DELETE", b""), ("POST", json.dumps(rules).encode())):
            urlopen(Request(f"{self._ses.url}/_sim/faults", body, method=method), timeout=5).close()


def _recipient(kind: str, number: int, place: int) -> str:
    """Return whom an event is about: someone new, but for the limited ones of one call, who are the same person."""
    return f"{kind}-{number}@example.com" if kind == LIMITED else f"{kind}-{number}-{place}@example.com"


def _in_process(mutant: Callable[[], None] | None, run_in: Entry, environment: Environment, point: Point) -> None:
    if mutant:
        mutant()
    run_in(environment, point)


def _provider_faults() -> list[dict[str, Any]]:
    return [{**fault, "times": 1, "match": {"recipient": f"{kind}-*"}} for kind, fault in PROVIDER_FAULTS.items()]
