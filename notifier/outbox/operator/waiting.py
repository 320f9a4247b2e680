"""Deliveries that wait until somebody acts: for a route that no worker has, or for a part of an account that the
provider refuses. Workers say so in the reason of a delivery, which is what is read here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Engine

from notifier.outbox.days import within_days
from notifier.outbox.history.calendar import joined, read_days
from notifier.outbox.operator.totals import listed_deliveries, snapshot
from notifier.outbox.statements import statement

_ROUTELESS = "this worker has no route "
_PARKED = " is parked: "

_WAITING = {
    False: statement(__package__, "waiting_deliveries.sql", candidates="{all_deliveries}"),
    True: statement(__package__, "waiting_deliveries.sql", candidates=listed_deliveries("pending")),
}
"""By whether the search terms of the days are listed."""


def routeless(route: str) -> str:
    """Return the reason of a delivery whose route its worker does not have."""
    return f"{_ROUTELESS}{route}; another one may be of a newer version"


def parked(part: str, reason: str) -> str:
    """Return the reason of a delivery that waits because the provider refuses this part of the account."""
    return f"{part}{_PARKED}{reason}"


def waiting(engine: Engine) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the routes that deliveries wait for because workers do not have them, and the parked parts of accounts.

    Each row has the channel, the route or the part, how many `deliveries` wait, and when the `oldest` of them was
    recorded; a part also the newest `reason`, which is what the provider says. Of days that are not listed all
    deliveries are read.
    """
    with snapshot(engine) as connection:
        found = [each for each in read_days(connection) if each.may_hold(("pending",))]
        rows: list[Mapping[str, Any]] = []
        for listed, query in _WAITING.items():
            if some := joined(each for each in found if each.listed is listed):
                values = {"routeless": _ROUTELESS, "parked": _PARKED}
                rows += [dict(row) for row in connection.execute(within_days(query, some), values).mappings()]
    return _merged(rows, "route"), [
        {**row, "reason": row["reason"].partition(_PARKED)[2]} for row in _merged(rows, "part")
    ]


def _merged(rows: Iterable[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return one row for each channel and route, or part, in their order."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda each: each["newest_at"], reverse=True):
        if row[name] is None:
            continue
        first = {"channel": row["channel"], name: row[name], "deliveries": 0, "oldest": row["oldest"],
                 "reason": row["newest_reason"]}  # fmt: skip
        known = found.setdefault((row["channel"], row[name]), first)
        known["deliveries"] += row["deliveries"]
        known["oldest"] = min(known["oldest"], row["oldest"])
    return [found[key] for key in sorted(found)]
