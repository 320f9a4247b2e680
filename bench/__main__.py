"""The whole benchmark: `make bench`. It measures Notifier and its peers in turn, the latency of Notifier, and whether
its cost grows with old notifications, with days and with workers. The last line of its output is JSON.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.end_to_end import rounds, table
from bench.figures import plots
from bench.figures.screen import say, show
from bench.growth import growth
from bench.latency import RATE, latency
from bench.measure.command import folder, positive, whole_number
from bench.measure.days import FEW_DAYS, KEEPING, growth_days
from bench.measure.notifier import notifier
from bench.measure.processes import machine
from bench.measure.result import CELERY, LAMBDA, OURS, Result
from bench.measure.servers import Servers, bench_servers
from bench.measure.trial import Candidate
from bench.peers.lambda_handler.candidate import lambda_handler
from bench.peers.plain_celery.candidate import plain_celery
from bench.scale_out import WORKERS, scale_out

_DOCS = Path(__file__).parents[1] / "docs"
_WHOLE = {
    "runs": 3,
    "growth_runs": 2,
    "seconds": 12.0,
    "latency_seconds": 25.0,
    "rows": 1_000_000,
    "days": 730,
    "plots": _DOCS,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of the benchmark: `runs` of each candidate, and `growth_runs` without and with old notifications,
    beside few and many days, and with each number of workers. A run takes about `seconds`. `plots` is the folder for
    drawings, None for none.
    """

    runs: int
    growth_runs: int
    seconds: float
    latency_rate: int
    latency_seconds: float
    rows: int
    days: int
    bridges: int = 1
    workers: int = 2
    plots: Path | None = None


def run(servers: Servers, plan: Plan) -> Result:
    """Run all measurements, one after the other."""
    ours = partial(notifier, bridges=plan.bridges, workers=plan.workers)
    candidates: dict[str, Candidate] = {OURS: ours, CELERY: plain_celery, LAMBDA: lambda_handler}
    say("From stream to accepted mail:")
    runs = rounds(servers, candidates, plan.runs, plan.seconds)
    say(f"Latency at {plan.latency_rate:,} events a second:")
    delays = latency(servers, ours, plan.latency_rate, plan.latency_seconds)
    say(f"Growth, with {plan.rows:,} old notifications:")
    grown = growth(servers, ours, plan.rows, plan.growth_runs, plan.seconds)
    say(f"Growth, beside {FEW_DAYS} days and {plan.days:,}:")
    beside = growth_days(servers, partial(ours, settings=KEEPING), plan.days, plan.growth_runs, plan.seconds)
    say(f"Scale-out, with {', '.join(map(str, WORKERS))} workers:")
    scaled = scale_out(servers, plan.growth_runs, plan.seconds, bridges=plan.bridges)
    return Result(runs, delays, grown, beside, scaled, machine())


def show_all(result: Result) -> None:
    """Print the results as tables."""
    show("From stream to accepted mail; microseconds of CPU per event", table(result.runs))
    show("Latency from stream to accept, in milliseconds", [result.latency.table()])
    show("The same load without and among old notifications", table(result.growth.runs))
    show("The same load beside few days and many", table(result.growth_days.runs))
    show("The same load with more and more workers", table(result.scale_out.runs))
    say(result.facts)


def parse(arguments: Sequence[str] | None = None) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short and rough: three to five minutes, no drawings")
    parser.add_argument("--runs", type=whole_number, help="of each candidate; the median counts")
    parser.add_argument("--growth-runs", type=whole_number, help="of each side of the growths and of the scale-out")
    parser.add_argument("--seconds", type=positive, help="of a run, about")
    parser.add_argument("--latency-rate", type=whole_number, default=RATE, help="events a second")
    parser.add_argument("--latency-seconds", type=positive)
    parser.add_argument("--rows", type=whole_number, help="old notifications, for the growth")
    parser.add_argument("--days", type=whole_number, help="days that are kept, for the growth with days")
    parser.add_argument("--bridges", type=whole_number, default=1)
    parser.add_argument("--workers", type=whole_number, default=2)
    parser.add_argument("--plots", type=folder, help="folder for the drawings; default: docs")
    given = vars(parser.parse_args(arguments))
    sizes = (
        {"runs": 2, "growth_runs": 1, "seconds": 5.0, "latency_seconds": 5.0, "rows": 50_000, "days": 60}
        if given.pop("quick")
        else _WHOLE
    )
    return Plan(**{**sizes, **{name: value for name, value in given.items() if value is not None}})


def main() -> None:
    plan = parse()
    with bench_servers() as servers:
        result = run(servers, plan)
    show_all(result)
    if plan.plots is not None:
        plots.write(result, plan.plots)
    print(json.dumps(result.summary()))


if __name__ == "__main__":
    main()
