"""Deliveries that wait until somebody acts: for a route that no worker has, or for a part of an account that the
provider refuses. Workers say so in the reason of a delivery, which is what is read here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from notifier.database.arrays import uuids
from notifier.outbox.days import within
from notifier.outbox.delivery.changes import array
from notifier.outbox.operator.totals import ReportRow, snapshot
from notifier.outbox.statements import statement
from notifier.outbox.stream.new_publications import PUBLICATION_SIZE

_HAS_NO_ROUTE = "has no route"
_ROUTELESS = f"this worker {_HAS_NO_ROUTE} "
_IS_PARKED = "is parked"
_PARKED = f" {_IS_PARKED}: "

_IDS = statement(__package__, "waiting_ids.sql")
_WAITING = statement(__package__, "waiting_deliveries.sql")

_MOST = 1_000
_BOUNDS = {"most": _MOST, "pages": _MOST // 100, "publications": _MOST // PUBLICATION_SIZE}
"""How much is read: retries if they are no more; if they are, pages of `due`, of about 100 rows; publications."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What deliveries wait for: `routes` that workers do not have, and `parked` parts of accounts.

    Each row has the `channel`, the `route` or the `part`, how many `deliveries` wait, when the `oldest` of them was
    recorded, and in `because` the words by which `notifier list`, `cancel` and the console's search find them. A part
    also has the newest `reason`, which is what the provider says.
    """

    routes: list[ReportRow]
    parked: list[ReportRow]


def routeless(route: str) -> str:
    """Return the reason of a delivery whose route its worker does not have."""
    return f"{_ROUTELESS}{route}; another one may be of a newer version"


def parked(part: str, reason: str) -> str:
    """Return the reason of a delivery that waits because the provider refuses this part of the account."""
    return f"{part}{_PARKED}{reason}"


def waiting(engine: Engine) -> Waiting:
    """Return what deliveries wait for. The numbers are estimates while more than 1,000 deliveries wait for a retry,
    or for a worker: then a sample is read, and a route or a part with very few deliveries may be left out.
    """
    with snapshot(engine) as connection:
        found = connection.execute(_IDS, _BOUNDS).all()
        if not found:
            return Waiting([], [])
        ids, stand_for, in_due = zip(*found, strict=True)
        values = {"ids": uuids(ids), "stand_for": array([*map(str, stand_for)]), "in_due": array([*map(str, in_due)])}
        values |= {"routeless": _ROUTELESS, "parked": _PARKED}
        rows = [dict(row) for row in connection.execute(within(_WAITING, ids), values).mappings()]
    return Waiting(
        routes=[_row(row, "route", _HAS_NO_ROUTE) for row in rows if row["route"] is not None],
        parked=[
            {**_row(row, "part", f"{row['part']} {_IS_PARKED}"), "reason": row["reason"].partition(_PARKED)[2]}
            for row in rows
            if row["part"] is not None
        ],
    )


def _row(row: Mapping[str, Any], name: str, because: str) -> ReportRow:
    return {each: row[each] for each in ("channel", name, "deliveries", "oldest")} | {"because": because}
