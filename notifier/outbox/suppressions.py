"""Recipients who are not to be written to. `begin` looks here, so that no request leaves for one of them."""

from sqlalchemy import Engine, text

from notifier.outbox.journal import journal
from notifier.outbox.report import Row

# Reasons weigh in the order of the alphabet: a complaint most, an opt-out least.
_ADD = text("""
INSERT INTO suppressions AS s (channel, address, topic, reason, actor, note)
VALUES (:channel, :address, :topic, :reason, :actor, :note)
ON CONFLICT (channel, address, topic) DO UPDATE
  SET reason = excluded.reason, actor = excluded.actor, note = excluded.note, since = now()
  WHERE excluded.reason < s.reason
""")

_REMOVE = text("""
DELETE FROM suppressions WHERE channel = :channel AND address = :address AND (:topic = '*' OR topic = :topic)
""")

_LIST = text("""
SELECT channel, address, topic, reason, actor, note, since, notification_id FROM suppressions
WHERE (:channel = '' OR channel = :channel) AND (:address = '' OR address = :address)
ORDER BY since DESC LIMIT :limit
""")

REASONS = ("complaint", "hard_bounce", "manual", "unsubscribe")
EVERY_TOPIC = "*"


class Suppressions:
    """What operators, and people who opt out, ask for. Feedback adds its own."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def add(self, channel: str, address: str, *, reason: str, topic: str = "", note: str | None = None) -> bool:
        """Write to this address no more; an empty topic means all. Answers whether it was not known for as much."""
        values = {"channel": channel, "address": address, "topic": topic, "reason": reason, "note": note}
        with self._engine.begin() as connection:
            added = connection.execute(_ADD, {**values, "actor": self._actor}).rowcount == 1
            journal(connection, self._actor, "suppress", note, f"{channel} topic={topic or 'all'} {reason}")
            return added

    def remove(self, channel: str, address: str, *, topic: str = EVERY_TOPIC, note: str | None = None) -> int:
        """Write to this address again; answers how many entries there were."""
        with self._engine.begin() as connection:
            removed = connection.execute(_REMOVE, {"channel": channel, "address": address, "topic": topic}).rowcount
            if removed:
                journal(connection, self._actor, "unsuppress", note, f"{channel} topic={topic}")
            return removed

    def list(self, *, channel: str = "", address: str = "", limit: int = 50) -> list[Row]:
        with self._engine.connect() as connection:
            values = {"channel": channel, "address": address, "limit": limit}
            return [dict(row) for row in connection.execute(_LIST, values).mappings()]
