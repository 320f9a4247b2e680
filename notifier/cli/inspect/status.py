"""`notifier status`: what there is, what waits, and what an operator should act on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from shlex import quote
from typing import Any

from notifier.cli.connection import open_report
from notifier.cli.terminal.output import Json, print_json, say
from notifier.cli.terminal.table import Fields, print_table
from notifier.outbox import Report
from notifier.outbox.history.old_days import DaysKept
from notifier.settings import load_database_settings

_NO_SENDER = "none yet: does notifier status-sender run?"


@dataclass(frozen=True, slots=True)
class _State:
    """The state of the system: rows of the tables that are printed, and the days that are kept."""

    deliveries: Sequence[Fields]
    stopped: Sequence[Fields]
    parked: Sequence[Fields]
    missing_routes: Sequence[Fields]
    records: Sequence[Fields]
    lanes: Sequence[Fields]
    days: DaysKept
    keep_days: int
    status_updates: Sequence[Fields]


def status(json: Json = False) -> None:
    """Notifications by channel and status, lanes; stopped channels, parked tenants; missing routes; records without a
    route; status updates that wait; days kept too long.
    """
    keep_days = load_database_settings().keep_days
    with open_report() as report:
        state = _read(report, keep_days)
    if json:
        print_json(_json_of(state))
    else:
        _print(state)


def _read(report: Report, keep_days: int) -> _State:
    now, waiting = report.now(), report.waiting()
    return _State(
        deliveries=[_with_age(row, now) for row in report.estimates()],
        stopped=[asdict(each) for each in report.channels() if not each.runs],
        parked=waiting.parked,
        missing_routes=waiting.routes,
        records=[asdict(each) for each in report.records()],
        lanes=report.lanes(),
        days=report.days(keep_days),
        keep_days=keep_days,
        status_updates=[asdict(each) for each in report.status_updates()],
    )


def _with_age(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {**row, "oldest_seconds": round((now - row["oldest"]).total_seconds(), 1)}


def _json_of(state: _State) -> dict[str, Any]:
    return {
        "deliveries": state.deliveries,
        "stopped": state.stopped,
        "parked": state.parked,
        "missing_routes": state.missing_routes,
        "records": [{name: row[name] for name in ("table", "read", "unrouted")} for row in state.records],
        "lanes": state.lanes,
        "days": asdict(state.days) | {"keep_days": state.keep_days},
        "status_updates": state.status_updates,
    }


def _print(state: _State) -> None:
    columns: tuple[str, ...] = ("channel", "status", "deliveries", "oldest")
    about = any(row["estimated"] for row in state.deliveries)
    title = "Deliveries, about: of days with many a sample is read" if about else "Deliveries"
    print_table(title, state.deliveries, columns, "No notification yet.", spare=("oldest",))
    if state.lanes:
        print_table("Waiting for a worker, by lane", state.lanes, ("channel", "lane", "waiting"), "")
    if state.stopped:
        columns = ("channel", "state", "reason", "actor", "changed_at")
        print_table("Stopped channels", state.stopped, columns, "", spare=("actor", "changed_at"))
    _print_parked(state.parked)
    _print_missing(state.missing_routes)
    _print_updates(state.status_updates)
    _print_unrouted(state.records)
    _print_overdue(state.days, state.keep_days)


def _print_parked(parked: Sequence[Fields]) -> None:
    """Print which parts of an account a provider refuses, and what to do about them."""
    if parked:
        columns = ("channel", "part", "deliveries", "oldest", "reason")
        print_table("Parked within a channel: only these wait", parked, columns, "", spare=("oldest",))
        say("correct it at the provider (notifier doctor): then they go on by themselves. Or give up what waits:")
        for row in parked:
            say(f"notifier cancel --channel {row['channel']} --because {quote(row['because'])} --reason WHY")


def _print_missing(routes: Sequence[Fields]) -> None:
    """Print which routes workers do not have although deliveries wait for them, and what to do."""
    if not routes:
        return
    columns = ("route", "channel", "deliveries", "oldest")
    print_table("Waiting for a route that the workers do not have", routes, columns, "", spare=("oldest",))
    say("an hour after their events they fail. Put the route back and restart the workers, or give up what waits:")
    for route, because in dict.fromkeys((each["route"], each["because"]) for each in routes):
        say(f"notifier cancel --route {quote(route)} --because {quote(because)} --reason WHY")


def _print_updates(updates: Sequence[Fields]) -> None:
    """Print what waits for each destination of status updates."""
    if updates:
        columns = ("destination", "waiting", "failing", "oldest", "accepted", "dropped", "error")
        lines = [{**row, "destination": row["destination"] or _NO_SENDER} for row in updates]
        print_table("Status updates", lines, columns, "", spare=("dropped", "accepted", "oldest", "failing"))


def _print_unrouted(records: Sequence[Fields]) -> None:
    """Print how many records of each table no route claims, if there are any."""
    if found := [row for row in records if row["unrouted"]]:
        counts = ", ".join(f"{row['table']}: {row['unrouted']:,} of {row['read']:,}" for row in found)
        say(f"records that no route claims: {counts}; why: notifier routes --event - < FILE")


def _print_overdue(days: DaysKept, keep_days: int) -> None:
    """Print how many days are kept for longer than they should, and why."""
    if days.overdue:
        why = ", ".join(f"{reason}: {count:,}" for reason, count in sorted(days.overdue.items()))
        say(f"days older than NOTIFIER_KEEP_DAYS={keep_days} that are kept: {why}; see: notifier retain --dry-run")
