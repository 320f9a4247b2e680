"""How much was read, sent, delivered and failed so far: sums that only grow, cheap to read every few seconds."""

from dataclasses import astuple, dataclass

from sqlalchemy import Engine

from notifier.outbox.delivery.counts import read_counts
from notifier.outbox.operator.gauges import count_feedback, count_records


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
