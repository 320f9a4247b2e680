"""`python -m bench.lanes`: the latency of urgent mails, alone and beside a campaign that waits for the provider.

The latency is the time from the write of an item until SES accepts its mail. The campaign is recorded before the
measurement begins: a stream is read in order, so what is written behind a campaign in the same shard first waits
until the bridge has read it.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

from bench.figures.screen import show
from bench.latency import percentile
from bench.measure.command import positive, whole_number
from bench.measure.notifier import notifier
from bench.measure.processes import machine
from bench.measure.servers import Servers, bench_servers
from notifier.errors import NotifierError
from sandbox.system import TABLE

EXAMPLE_TEMPLATES = Path(__file__).parents[2] / "examples" / "templates"
_SHARDS = 4
_PUT = 500
_WARM_SECONDS = 5.0
_RECORDED = text("SELECT coalesce(sum(records_notified), 0) FROM shards")


@dataclass(frozen=True, slots=True)
class Case:
    """One run: `campaign` mails wait beside the urgent ones; without `lanes` all are in one."""

    name: str
    campaign: int
    lanes: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """Sorted latencies of the urgent mails in milliseconds, how many of them did not arrive in time, and how many
    mails of the campaign were accepted meanwhile.
    """

    case: Case
    milliseconds: Sequence[float]
    missing: int
    campaign: int

    def at(self, share: float) -> float:
        return percentile(self.milliseconds, share) if self.milliseconds else float("inf")

    def table(self) -> dict[str, object]:
        return {
            "case": self.case.name,
            "p50": self.at(0.5),
            "p99": self.at(0.99),
            "urgent mails": len(self.milliseconds),
            "not in time": self.missing,
            "of the campaign meanwhile": self.campaign,
        }


def measure(servers: Servers, case: Case, rate: float, urgent: int, seconds: float) -> Found:
    """Measure one case. `rate` is the provider's, `urgent` how many urgent items are written a second."""
    with _running(servers, case, rate) as database:
        _warm_up(servers, urgent)
        if case.campaign:
            _write(servers, "campaign", case.campaign)
            _until_recorded(database, case.campaign)
        _write_steadily(servers, "before", urgent, _WARM_SECONDS)
        before = _of_campaign(servers)
        written = _write_steadily(servers, "urgent", urgent, seconds)
        accepted = _accepted(servers, written, patience=5.0)
        others = _of_campaign(servers)
        if case.campaign and others == case.campaign:
            raise NotifierError("the campaign ended before the measurement: give --campaign more mails")
    taken = sorted((accepted[key] - at) * 1000 for key, at in written.items() if key in accepted)
    return Found(case, taken, len(written) - len(taken), others - before)


@contextmanager
def _running(servers: Servers, case: Case, rate: float) -> Iterator[str]:
    servers.clear()
    servers.streams.post("reset")
    servers.streams.post("tables", table=TABLE, shards=_SHARDS)
    settings = {
        "NOTIFIER_ROUTES": "bench.lanes.routes",
        "NOTIFIER_RATES": f"email={rate}",
        "NOTIFIER_TEMPLATES": str(EXAMPLE_TEMPLATES),
        "BENCH_LANES": "on" if case.lanes else "off",
    }
    with servers.database() as database, notifier(servers, database, settings=settings):
        yield database


def _warm_up(servers: Servers, urgent: int) -> None:
    """Wait until bridge and worker have sent what is written."""
    for turn in range(3):
        written = _write_steadily(servers, f"warm-{turn}", urgent, _WARM_SECONDS / 3)
        if len(_accepted(servers, written, patience=60.0)) < len(written):
            raise NotifierError("the first mails did not arrive within 60 seconds")


def _write(servers: Servers, kind: str, count: int) -> None:
    for first in range(0, count, _PUT):
        _put(servers, kind, range(first, min(first + _PUT, count)))


def _put(servers: Servers, kind: str, numbers: Sequence[int]) -> None:
    type_ = "campaign" if kind == "campaign" else "urgent"
    items = [{"pk": f"{kind}-{number}", "sk": "1", "type": type_} for number in numbers]
    servers.streams.post("put", table=TABLE, items=items)


def _write_steadily(servers: Servers, kind: str, a_second: int, seconds: float) -> dict[str, float]:
    """Write one item at a time; return when each was written, in Unix seconds."""
    written = {}
    start = time.time()
    for number in range(round(a_second * seconds)):
        time.sleep(max(0.0, start + number / a_second - time.time()))
        _put(servers, kind, [number])
        written[f"{kind}-{number}"] = time.time()
    return written


def _accepted(servers: Servers, written: Mapping[str, float], patience: float) -> dict[str, float]:
    """When each was accepted, without those that take longer than `patience` seconds after the last write."""
    until = time.time() + patience
    while True:
        times = {to.partition("@")[0]: at for to, at in servers.ses.accepted_at().items()}
        found = {key: times[key] for key in written if key in times}
        if len(found) == len(written) or time.time() > until:
            return found
        time.sleep(0.2)


def _of_campaign(servers: Servers) -> int:
    return sum(to.startswith("campaign-") for to in servers.ses.accepted_at())


def _until_recorded(database: str, count: int) -> None:
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            until = time.time() + 300
            while connection.execute(_RECORDED).scalar_one() < count:
                if time.time() > until:
                    raise NotifierError("the campaign was not recorded within 300 seconds")
                time.sleep(0.2)
    finally:
        engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lanes", description=__doc__)
    parser.add_argument("--campaign", type=whole_number, default=6_000, help="mails of the low lane")
    parser.add_argument("--rate", type=positive, default=250.0, help="mails a second that the provider takes")
    parser.add_argument("--urgent", type=whole_number, default=100, help="mails of the high lane a second")
    parser.add_argument("--seconds", type=positive, default=20.0)
    given = parser.parse_args()
    cases = [
        Case("high alone", 0),
        Case("beside a campaign in the low lane", given.campaign),
        Case("beside the same campaign in one lane", given.campaign, lanes=False),
    ]
    with bench_servers() as servers:
        found = [measure(servers, case, given.rate, given.urgent, given.seconds) for case in cases]
    show("Latency of urgent mails from write to accept, in milliseconds", [each.table() for each in found])
    moved = found[1].at(0.99) / found[0].at(0.99) - 1
    result = {"p99_alone": found[0].at(0.99), "p99_beside_campaign": found[1].at(0.99), "p99_moved": round(moved, 3)}
    print(json.dumps({**result, **vars(given), "machine": machine()}))


if __name__ == "__main__":
    main()
