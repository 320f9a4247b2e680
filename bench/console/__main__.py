"""The operators' console: `python -m bench.console`. How long its pages take among many notifications.

Makes a database with a history, and with what operators and providers leave in it. Starts `notifier console` on it,
signs in, and asks for every page and every part of a page many times, each time for another person, id or time.
Prints the median, the 95th percentile and the longest in milliseconds, and marks what is above 300 ms. Exit status 1
if one is.

With --reload: throughput from stream to accepted mail without and with a console whose pages are reloaded one after
another without a pause, in pairs by turns, and the CPU of a reload.
"""

import argparse
import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from bench.console.operated import operate
from bench.console.pages import measured_pages
from bench.console.reload import reloaded
from bench.console.times import LIMIT_MS, rows, slow
from bench.figures.screen import show
from bench.history.kept import server_with_history
from bench.measure.command import positive, whole_number, workspace
from bench.measure.processes import machine
from bench.measure.servers import bench_servers


def main() -> None:
    given = _arguments()
    summary = _reload(given) if given.reload else _pages(given)
    if given.json:
        print(json.dumps({**summary, "machine": machine()}))
    sys.exit(bool(summary.get("slow")))


def _pages(given: argparse.Namespace) -> dict[str, object]:
    with (
        workspace() as folder,
        server_with_history(folder, given.rows, given.days, given.keep, partial(operate, days=given.days)) as served,
    ):
        url, history = served
        found = measured_pages(folder, url, history, given.times, given.seed, given.only)
    missed = slow(found)
    show(f"Pages of the console; {len(missed)} of {len(found)} are above {LIMIT_MS:.0f} ms", rows(found))
    pages = {name: asdict(each) for name, each in found.items()}
    return {"rows": given.rows, "days": given.days, "pages": pages, "slow": missed}


def _reload(given: argparse.Namespace) -> dict[str, object]:
    with bench_servers() as servers:
        found = reloaded(servers, given.runs, given.seconds, given.per_second)
    show("From stream to accepted mail, without and with a console that is reloaded", found.rows())
    return found.summary()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--rows", type=whole_number, default=10_000_000)
    parser.add_argument("--days", type=whole_number, default=90)
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the database there, or use the one that is there"
    )
    parser.add_argument("--times", type=whole_number, default=40, help="that each page is asked for")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="TEXT", help="pages whose name contains this")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON on standard output")
    parser.add_argument("--reload", action="store_true", help="measure what the console costs the pipeline instead")
    parser.add_argument("--runs", type=whole_number, default=3, help="pairs of runs for --reload")
    parser.add_argument("--seconds", type=positive, default=15.0, help="of a run for --reload, about")
    parser.add_argument(
        "--per-second", type=positive, help="reloads a second for --reload; without it, each follows the last at once"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
