"""How long searches take: `python -m bench.find --rows 10000000 --days 90`.

Makes a database with a history (bench/history/history.py) and runs each search of `notifier list` and of the console
many times, with other people, ids and times each time. Prints the median, the 95th percentile and the longest in
milliseconds, and how many of the searches were complete: one that takes too long ends early and says so.

The target is 300 ms for the 95th percentile. Exit status 1 if one misses it.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from bench.figures.screen import say
from bench.history.history import EVERYBODY, RARE_ROUTE, History
from bench.history.kept import server_with_history
from bench.measure.command import whole_number, workspace
from bench.measure.processes import machine
from notifier.database.engine import connect
from notifier.notifications import first_id
from notifier.outbox import Count, Failures, Found, Report, Search, Selection

LIMIT_MS = 300.0

Query = Callable[[], object]


def queries(engine: Engine, history: History, chance: random.Random) -> Mapping[str, Query]:
    """Return the searches by name; each call looks for something else."""
    search, report = Search(engine), Report(engine)

    def person() -> str:
        return history.address(chance.randrange(history.people))

    def moment() -> datetime:
        return datetime.now(UTC) - timedelta(days=chance.uniform(0, history.days))

    def id_() -> UUID:
        return first_id(int(moment().timestamp() * 1000))

    def hour() -> Selection:
        since = moment()
        return Selection(since=since, until=since + timedelta(hours=1))

    return {
        "newest": lambda: search.page(Selection()),
        "older than": lambda: search.page(Selection(), older_than=id_()),
        "newer than": lambda: search.page(Selection(), newer_than=id_()),
        "an hour": lambda: search.page(hour()),
        "recipient": lambda: search.page(Selection(recipients=[person()])),
        "recipient in three spellings": lambda: search.page(Selection(recipients=[person(), "ANA@x", "+49"])),
        "recipient of many": lambda: search.page(Selection(recipients=[EVERYBODY]), older_than=id_()),
        "recipient, failed": lambda: search.page(Selection(recipients=[person()]), ["failed"]),
        "recipient that is unknown": lambda: search.page(Selection(recipients=["nobody@example.com"])),
        "key": lambda: search.page(Selection(keys=[f"user#{chance.randrange(history.people)}"])),
        "sort key": lambda: search.page(Selection(keys=[f"request#{chance.randrange(history.rows)}"])),
        "both keys": lambda: search.page(Selection(keys=["user#1", "request#1"])),
        "failed": lambda: search.page(Selection(), ["failed"]),
        "failed, older than": lambda: search.page(Selection(), ["failed"], older_than=id_()),
        "complained or unknown": lambda: search.page(Selection(), ["complained", "unknown"]),
        "failed for a reason": lambda: search.page(Selection(because="after 13 s"), ["failed"]),
        "rare route": lambda: search.page(Selection(route=RARE_ROUTE)),
        "route that is unknown": lambda: search.page(Selection(route="unheard")),
        "table": lambda: search.page(Selection(table="activity")),
        "count all": lambda: search.count(Selection()),
        "count failed": lambda: search.count(Selection(), ["failed"]),
        "count recipient": lambda: search.count(Selection(recipients=[person()])),
        "count recipient of many": lambda: search.count(Selection(recipients=[EVERYBODY])),
        "failures by reason": lambda: search.failures(Selection()),
        "id prefix": lambda: report.ids(id_(), first_id((1 << 48) - 1), 6),
    }


def measured(query: Query, times: int) -> dict[str, float]:
    """Run the search so many times; return the milliseconds, and the share of complete ones in percent."""
    found, complete = [], 0
    for _ in range(times):
        began = time.perf_counter()
        answer = query()
        found.append((time.perf_counter() - began) * 1000)
        complete += answer.complete if isinstance(answer, Found | Count | Failures) else 1
    found.sort()
    return {
        "p50_ms": round(found[len(found) // 2], 1),
        "p95_ms": round(found[min(len(found) - 1, len(found) * 95 // 100)], 1),
        "longest_ms": round(found[-1], 1),
        "complete_percent": round(complete / times * 100),
    }


def run(engine: Engine, history: History, times: int, seed: int) -> dict[str, dict[str, float]]:
    """Measure every search, one line each as it is done."""
    results = {}
    say(f"{'search':32}{'p50 ms':>10}{'p95 ms':>10}{'longest':>10}{'complete':>10}")
    for name, query in queries(engine, history, random.Random(seed)).items():  # noqa: S311
        result = results[name] = measured(query, times)
        p50, p95, longest, complete = result.values()
        say(f"{name:32}{p50:10,.1f}{p95:10,.1f}{longest:10,.1f}{complete:9,.0f}%")
    return results


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.find", description=__doc__)
    parser.add_argument("--rows", type=whole_number, default=10_000_000)
    parser.add_argument("--days", type=whole_number, default=90)
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the database there, or use the one that is there"
    )
    parser.add_argument("--times", type=whole_number, default=40, help="that each search is run")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with workspace() as folder, server_with_history(folder, given.rows, given.days, given.keep) as (url, history):
        engine = connect(url)
        results = run(engine, history, given.times, given.seed)
        engine.dispose()
    print(json.dumps({"rows": given.rows, "days": given.days, "searches": results, "machine": machine()}))
    sys.exit(any(each["p95_ms"] > LIMIT_MS for each in results.values()))


if __name__ == "__main__":
    main()
