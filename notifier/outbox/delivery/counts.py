"""How many deliveries workers brought where, by channel, route and status.

A worker counts in its memory and adds its counts every few seconds, beside its work: no statement of a delivery does.
What a worker that is killed had not added is missing; the rows of the outbox are exact.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text

_ADD = text("""
INSERT INTO delivery_counts AS known (channel, route, status, count)
SELECT * FROM unnest(
  CAST(:channels AS text[]), CAST(:routes AS text[]), CAST(:statuses AS text[]), CAST(:counts AS int8[])
)
ON CONFLICT (channel, route, status) DO UPDATE SET count = known.count + excluded.count
""")

_MOST = 2_000
"""Rows that the metrics show, the largest counts: routes that were renamed are never deleted."""

_READ = text(f"""
SELECT channel, route, status, count FROM delivery_counts ORDER BY count DESC, channel, route, status LIMIT {_MOST}
""")  # noqa: S608  a constant of this module

ROUTE_ERROR = "route error"
"""Counted beside the statuses: a route, or its template, failed. The delivery is then tried again, or failed."""


class CountKey(NamedTuple):
    """What is counted together. `status` is what a delivery came to (`pending`: tried again), or ROUTE_ERROR."""

    channel: str
    route: str
    status: str


class DeliveryCounts:
    """The counts of all workers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, counts: Mapping[CountKey, int]) -> None:
        """Add these. Where the answer is lost they may have been added."""
        ordered = sorted(counts)  # two workers lock the rows in one order
        values = {
            "channels": [each.channel for each in ordered],
            "routes": [each.route for each in ordered],
            "statuses": [each.status for each in ordered],
            "counts": [counts[each] for each in ordered],
        }
        with self._engine.begin() as connection:
            connection.execute(_ADD, values)


def read_counts(connection: Connection) -> dict[CountKey, int]:
    """All of them, or the largest where there are too many for one answer."""
    return {CountKey(*row[:3]): row[3] for row in connection.execute(_READ)}
