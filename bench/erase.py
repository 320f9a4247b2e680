"""Erasing a person who is killed in the middle: `python -m bench.erase --rows 10000000 --days 90`.

Makes a database with a history (bench/history/history.py), suppresses the recipient of every hundredth notification,
and erases that recipient: by a process that is killed once it has done a third of the days, and then by another that
ends. Prints how long it took, and looks for the address in what `pg_dump` writes. Exit status 1 if it finds a trace,
or if the audit does not balance.
"""

import argparse
import json
import subprocess
import sys
import time

from bench.figures.screen import say
from bench.history.history import EVERYBODY
from bench.history.kept import server_with_history
from bench.measure.command import whole_number, workspace
from bench.measure.processes import machine
from notifier.database.engine import connect
from notifier.outbox import Erasure, ErasureKeys, Person, Report, Suppressions
from sandbox.embedded.postgres_programs import postgres_programs

_KEY = "a key of the benchmark"
_ERASE = "import sys; from bench.erase import erase; erase(sys.argv[1])"


def erase(url: str) -> None:
    """Erase the recipient, and print a line for each day."""
    engine = connect(url)
    person = Person(EVERYBODY, ["email"], [EVERYBODY])
    for done in Erasure(engine, actor="bench", keys=ErasureKeys((_KEY,))).run(person, "for the benchmark"):
        print(done.day, done.notifications, flush=True)
    engine.dispose()


def erased(url: str, days: int | None = None) -> float:
    """Erase in a process of its own, which is killed after so many days; return the seconds."""
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", _ERASE, url], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None  # noqa: S101  narrows the type
        for number, line in enumerate(child.stdout, 1):
            say(f"erased until {line.strip()}")
            if number == days:
                child.kill()
    if days is None and child.returncode:
        raise SystemExit(f"the erasing process ended with {child.returncode}")
    return time.monotonic() - began


def traces(url: str) -> int:
    """How many lines of a dump have the address, as text or as the bytes of a record."""
    command = [str(postgres_programs() / "pg_dump"), url]
    wanted = (EVERYBODY.encode(), EVERYBODY.encode().hex().encode())
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None  # noqa: S101  narrows the type
        found = sum(any(each in line for each in wanted) for line in child.stdout)
    if child.returncode:
        raise SystemExit(f"pg_dump ended with {child.returncode}")
    return found


def balanced(url: str) -> bool:
    """Whether every record is accounted for."""
    engine = connect(url)
    try:
        shards, _ = Report(engine).audit()
        return all(each["records_notified"] == each["notified"] for each in shards)
    finally:
        engine.dispose()


def measure(url: str, rows: int, days: int) -> dict[str, object]:
    """Erase the recipient from this history, once until it is killed, and once to the end."""
    engine = connect(url)
    Suppressions(engine, actor="bench").add("email", EVERYBODY, reason="complaint")
    engine.dispose()
    before = traces(url)
    killed = erased(url, max(1, days // 3))
    half, balanced_then = traces(url), balanced(url)
    whole = erased(url)
    return {
        "rows": rows,
        "days": days,
        "seconds": {"until killed": round(killed, 1), "again": round(whole, 1)},
        "traces": {"before": before, "when killed": half, "after": traces(url)},
        "balanced": balanced_then and balanced(url),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.erase", description=__doc__)
    parser.add_argument("--rows", type=whole_number, default=10_000_000)
    parser.add_argument("--days", type=whole_number, default=90)
    given = parser.parse_args()
    with workspace() as folder, server_with_history(folder, given.rows, given.days) as (url, _):
        found = measure(url, given.rows, given.days)
    print(json.dumps({**found, "machine": machine()}))
    sys.exit(not found["balanced"] or found["traces"]["after"] != 0)  # type: ignore[index]


if __name__ == "__main__":
    main()
