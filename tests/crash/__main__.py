"""`make crash`: every point, and what came of it. The last line is JSON; exit 1 where one failed."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

import structlog
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from notifier.database.schema import migrate
from sandbox.embedded.postgres import embedded_postgres
from sandbox.embedded.processes import stopped_by_signals
from sandbox.embedded.redis import embedded_redis
from tests.crash.faults import Effect, Moment
from tests.crash.matrix import everything
from tests.crash.sites import Sites, Trial, Verdict, running_sites

_WIDTH = 140


def main() -> int:
    given = _arguments()
    trials = [trial for trial in everything() if any(fnmatch(str(trial), each) for each in given.only)]
    began = time.monotonic()
    with stopped_by_signals(), _sites(given.sites) as found:
        verdicts = list(_watched(found, trials))
    Console(width=_WIDTH).print(_table(verdicts))
    passed = sum(each.good for each in verdicts)
    print(
        json.dumps(
            {
                "points": len(verdicts),
                "passed": passed,
                "failed": len(verdicts) - passed,
                "seconds": round(time.monotonic() - began, 1),
            }
        )
    )
    return 0 if verdicts and passed == len(verdicts) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--sites", type=int, default=4, help="points tried side by side")
    parser.add_argument("--only", nargs="+", default=["*"], metavar="PATTERN", help="as Attempts.*-kill")
    return parser.parse_args()


@contextmanager
def _sites(number: int) -> Iterator[Sites]:
    os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory(prefix="notifier-crash-") as name:
        folder = Path(name)
        with embedded_postgres(folder, durable=False) as postgres, embedded_redis(folder, durable=False) as broker:
            postgres.create_database("template")
            migrate(postgres.url("template"))
            with running_sites(postgres, "template", broker.url, folder, number) as found:
                yield found


def _watched(found: Sites, trials: Sequence[Trial]) -> Iterator[Verdict]:
    """The verdicts, with a bar on standard error, and a line at once for each that is bad."""
    console = Console(stderr=True)
    with Progress(console=console) as progress:
        bar = progress.add_task("points", total=len(trials))
        for verdict in found.verdicts(trials):
            progress.advance(bar)
            if not verdict.good:
                progress.console.print(f"[red]{verdict}[/]", soft_wrap=True)
            yield verdict


def _table(verdicts: Sequence[Verdict]) -> Table:
    """A line for each call, a column for each moment and effect."""
    table = Table(Column("call", no_wrap=True), *(f"{effect} {moment}" for effect in Effect for moment in Moment))
    rows: dict[str, dict[tuple[Effect, Moment], bool]] = {}
    for each in verdicts:
        (point,) = each.trial.points
        rows.setdefault(f"{point.place}  {each.trial.name}", {})[point.effect, point.moment] = each.good
    words = {True: "[green]ok[/]", False: "[red]FAILED[/]", None: ""}
    for place in sorted(rows):
        table.add_row(place, *(words[rows[place].get((e, m))] for e in Effect for m in Moment))
    return table


if __name__ == "__main__":
    sys.exit(main())
