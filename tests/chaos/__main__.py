"""`make chaos`: everything is broken under load, and each event must come out as one mail. The last line is JSON."""

import argparse
import json
import os
import secrets
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from notifier.errors import NotifierError
from sandbox.embedded.processes import stopped_by_signals
from tests.chaos.faults.kinds import GROUPS, KINDS
from tests.chaos.history import History, fresh
from tests.chaos.oracle import Finding, judge
from tests.chaos.run import Plan, run

_TELL_SECONDS = 5.0


def main() -> int:
    given = _arguments()
    if given.judge:
        return _show(History.load(given.judge), given.judge)
    folder = fresh(given.folder or Path(tempfile.gettempdir()) / f"notifier-chaos-{given.seed}")
    os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")
    groups = set(given.only or [*GROUPS, "clock"]) - set(given.without)
    plan = Plan(
        given.seed,
        given.events,
        given.faults,
        given.seconds,
        given.patience,
        groups,
        given.small,
        "asynchronous" if given.asynchronous else "synchronous",
        dict(given.postgres),
    )
    with stopped_by_signals():
        try:
            history = run(plan, folder, Screen())
        except NotifierError as error:
            print(f"chaos: {error}", file=sys.stderr)
            return 2
    history.save(folder)
    return _show(history, folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    groups = [*GROUPS, "clock"]
    kinds = [*groups, *(kind.name for kind in KINDS)]
    add = parser.add_argument
    add("--seed", type=int, default=secrets.randbelow(10**6), help="draws the faults")
    add("--events", type=int, default=Plan.events, help="written at least")
    add("--faults", "--blows", type=int, default=Plan.faults, help="injected, each after progress")
    add("--small", type=float, default=Plan.small, help="small faults a second beside them; 0: none")
    add("--seconds", type=float, default=Plan.seconds, help="after which no fault is injected")
    add("--patience", type=float, default=Plan.patience, help="seconds that the settling may take")
    shown = f"kinds of faults, of {', '.join(groups)}; or single ones by their name"
    add("--only", nargs="+", choices=kinds, metavar="GROUP", help=shown)
    add("--without", nargs="+", choices=groups, metavar="GROUP", default=[], help="kinds of faults")
    add("--asynchronous", action="store_true", help="the replica that a failover promotes is two seconds behind")
    add("--postgres", nargs="+", type=_setting, metavar="NAME=VALUE", default=[], help="settings of the server")
    add("--folder", type=Path, help="keep history and logs here; what was in it is gone")
    add("--judge", type=Path, metavar="FOLDER", help="judge the history of an earlier run again, and run nothing")
    return parser.parse_args()


def _setting(given: str) -> tuple[str, str]:
    name, _, value = given.partition("=")
    return name, value


class Screen:
    """A line on standard error now and then."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._told_at = 0.0

    def __call__(self, phase: str, faults: int, fed: int, accepted: int) -> None:
        now = time.monotonic()
        if now > self._told_at + _TELL_SECONDS:
            self._told_at = now
            line = f"{now - self._began:5.0f} s  {phase:<9} {faults:>4} faults {fed:>7,} events"
            line += f" {accepted:>7,} accepted"
            print(line, file=sys.stderr, flush=True)


def _show(history: History, folder: Path) -> int:
    finding = judge(history)
    console = Console(stderr=True)
    console.print(_faults(history))
    console.print(_finding(finding))
    for line in finding.wrong:
        console.print(f"[red]{line}[/]", soft_wrap=True)
    if not history.run["settled"]:
        console.print("[red]not everything settled in time[/]")
    console.print(f"{history.run['unplanned']} processes ended by themselves and were replaced", soft_wrap=True)
    console.print(f"history and logs: {folder}; judge again: python -m tests.chaos --judge {folder}", soft_wrap=True)
    told = {name: value for name, value in asdict(finding).items() if name != "wrong"}
    print(json.dumps({**told, "seconds": history.run["seconds_taken"], "seed": history.run["seed"]}))
    return 0 if finding.good and history.run["settled"] else 1


def _faults(history: History) -> Table:
    injected = (
        f"{len(history.faults)} of {history.run['faults']} faults"  # fewer where a slow machine had no time for more
    )
    table = Table("fault", "times", title=injected, title_justify="left")
    names = [fault["fault"] for fault in history.faults]
    for name in sorted(set(names)):
        table.add_row(name, str(names.count(name)))
    return table


def _finding(finding: Finding) -> Table:
    table = Table(title="Finding", title_justify="left", show_header=False)
    for name, value in asdict(finding).items():
        if name != "wrong":
            table.add_row(name, f"{value:,}")
    return table


if __name__ == "__main__":
    sys.exit(main())
