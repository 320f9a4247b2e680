"""*Shards*: how far each stream is read, what was lost, and reading again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from notifier.errors import UsageError
from notifier.operating.shards import generations
from notifier.outbox import RewindRequests, RewindTarget, StreamStatus
from notifier.outbox.stream.status import ALARM_SECONDS, WARNING_SECONDS
from web.console.access.role import Role
from web.console.filters import moment
from web.console.page import Page
from web.console.visit import Visit

page = Page("shards", "Shards", "/shards", order=40)

_MOST_FINISHED = 200
_MOST_REWINDS = 20


@dataclass(frozen=True, slots=True)
class _Node:
    """A shard in the tree: its row, how many ancestors of it are shown, and how its lag is to be judged."""

    row: Mapping[str, Any]
    depth: int

    @property
    def judgement(self) -> str:
        """The class of the lag: bad from an hour on, warn from a minute on."""
        seconds = self.row["lag_seconds"]
        if seconds is None or seconds < WARNING_SECONDS:
            return ""
        return "bad" if seconds >= ALARM_SECONDS else "warn"


@page.view()
def show(visit: Visit) -> Response:
    status, requests = StreamStatus(visit.engine), RewindRequests(visit.engine, actor=visit.actor)
    return visit.show(
        "shards.html",
        **_tree(visit),
        gaps=visit.report.gaps(),
        waiting=status.waiting(),
        rewinds=requests.recent(_MOST_REWINDS),
        tables=sorted({each.table for each in status.lags()}),
    )


@page.view("/tree")
def tree(visit: Visit) -> Response:
    """The tree alone: it is fetched again every few seconds."""
    return visit.show("shards_tree.html", **_tree(visit))


@page.view("/rewind", role=Role.OPERATOR)
def plan(visit: Visit) -> Response:
    """What a rewind would read again. It changes nothing."""
    given = {name: visit.query.get(name, "").strip() for name in ("table", "shard", "since")}
    rows, wrong = [], ""
    try:
        rows = RewindRequests(visit.engine, actor=visit.actor).plan(_target(given))
    except UsageError as error:
        wrong = str(error)
    sums = {name: sum(row[name] for row in rows) for name in ("unrouted", "quarantined", "notified")}
    return visit.show("shards_rewind.html", given=given, rows=rows, wrong=wrong, sums=sums)


@page.action("/rewind")
def rewind(visit: Visit) -> Response:
    ids = RewindRequests(visit.engine, actor=visit.actor).ask(_target(visit.form), visit.reason)
    return visit.done(f"{len(ids):,} shards will be read again, by the bridges that have their table.", to="/shards")


@page.action("/rewind/cancel")
def cancel(visit: Visit) -> Response:
    count = RewindRequests(visit.engine, actor=visit.actor).cancel(_target(visit.form), visit.reason)
    return visit.done(f"{count:,} rewinds are cancelled.")


def _target(given: Mapping[str, str]) -> RewindTarget:
    """Return what a form names. Raise UsageError if it names neither a table nor a shard, or no time."""
    table, shard, since = (given.get(name, "").strip() for name in ("table", "shard", "since"))
    if not table and not shard:
        raise UsageError("Name a table or a shard.")
    return RewindTarget(table, shard, moment(since))


def _tree(visit: Visit) -> dict[str, Any]:
    everything = visit.query.get("finished") == "show"
    rows = visit.report.shards(_MOST_FINISHED if everything else 0)
    return {"nodes": list(_nodes(rows)), "finished": visit.report.finished_shards(), "everything": everything}


def _nodes(rows: Sequence[Mapping[str, Any]]) -> Iterator[_Node]:
    return (_Node(row, depth) for depth, row in generations(rows))
