"""How much was read, sent, delivered and failed so far: sums that only grow, cheap to read every few seconds."""

from dataclasses import asdict, astuple, dataclass

from sqlalchemy import Engine

from notifier.outbox.delivery.counts import read_counts
from notifier.outbox.operator.gauges import count_feedback, count_records
from notifier.outbox.statements import statement

_KEEP = statement(__package__, "keep_throughput.sql")
_READ = statement(__package__, "read_throughput.sql")


@dataclass(frozen=True, slots=True)
class Throughput:
    """Records `read`, deliveries that workers made `sent` and `failed`, and events that say `delivered`."""

    read: int = 0
    sent: int = 0
    delivered: int = 0
    failed: int = 0

    def __add__(self, other: "Throughput") -> "Throughput":
        return Throughput(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))

    def since(self, before: "Throughput") -> "Throughput":
        """Return what was added since then. No number is below 0: counts of a killed worker may be lost."""
        pairs = zip(astuple(self), astuple(before), strict=True)
        return Throughput(*(max(0, now - then) for now, then in pairs))

    def spread(self, count: int) -> "list[Throughput]":
        """Return `count` even parts of it."""
        parts = range(count)
        return [Throughput(*(each * (n + 1) // count - each * n // count for each in astuple(self))) for n in parts]


def read_throughput(engine: Engine) -> Throughput:
    """Return the sums so far, of all channels."""
    with engine.connect() as connection:
        counts = read_counts(connection)
        return Throughput(
            read=sum(count_records(connection).values()),
            sent=sum(count for key, count in counts.items() if key.status == "sent"),
            delivered=sum(count for (_, kind), count in count_feedback(connection).items() if kind == "delivery"),
            failed=sum(count for key, count in counts.items() if key.status == "failed"),
        )


def keep_throughput(engine: Engine, total: Throughput) -> None:
    """Store the sums of this minute, by the database's clock, unless they are. Those of the last day stay."""
    with engine.begin() as connection:
        connection.execute(_KEEP, asdict(total))


def kept_throughput(engine: Engine) -> list[tuple[float, Throughput]]:
    """Return the sums that were stored in the last day, the oldest first, each with its minute in Unix seconds."""
    with engine.connect() as connection:
        return [(at, Throughput(*sums)) for at, *sums in connection.execute(_READ)]
