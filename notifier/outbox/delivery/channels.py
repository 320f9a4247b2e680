"""Whether a channel sends: running, parked (its account is blocked; a probe reopens it), or paused by the operator.

The state is a row, so that it holds for all workers and across restarts. A channel without a row is running.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from notifier.outbox.operator.journal import journal
from notifier.settings import default

PROBE_SECONDS: float = default("probe_seconds")
"""How long a parked channel waits for its first probe; each one that fails doubles it, up to ten minutes."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """`probe_at` is when a parked channel may try again by itself."""

    channel: str
    state: str = "running"
    reason: str | None = None
    actor: str | None = None
    changed_at: datetime | None = None
    probe_at: datetime | None = None

    @property
    def runs(self) -> bool:
        return self.state == "running"


_COLUMNS = "channel, state, reason, actor, changed_at, probe_at"

_ALL = text(f"SELECT {_COLUMNS} FROM channels ORDER BY channel")  # noqa: S608  constants of this module
_OF = text(f"SELECT {_COLUMNS} FROM channels WHERE channel = :channel")  # noqa: S608

_PARK = text("""
INSERT INTO channels AS c (channel, state, reason, actor, probe_at)
VALUES (:channel, 'parked', :reason, :actor, now() + make_interval(secs => :probe))
ON CONFLICT (channel) DO UPDATE SET
  state = 'parked', reason = excluded.reason, actor = excluded.actor, changed_at = now(), probes = 0,
  probe_at = excluded.probe_at
WHERE c.state = 'running'
""")

# Whoever changes this row sends the probe; the next one is due later, should it never answer.
_PROBE = text("""
UPDATE channels SET probes = probes + 1,
  probe_at = now() + least(make_interval(secs => 600), make_interval(secs => :probe * 2.0 ^ least(probes, 10)))
WHERE channel = :channel AND state = 'parked' AND probe_at <= now()
""")

_REOPEN = text("""
UPDATE channels SET state = 'running', reason = NULL, actor = :actor, changed_at = now(), probe_at = NULL
WHERE channel = :channel AND state = 'parked'
""")

_PAUSE = text("""
INSERT INTO channels AS c (channel, state, reason, actor) VALUES (:channel, 'paused', :reason, :actor)
ON CONFLICT (channel) DO UPDATE SET
  state = 'paused', reason = excluded.reason, actor = excluded.actor, changed_at = now(), probe_at = NULL
WHERE c.state <> 'paused'
""")

# What the row said before goes into the journal: who stopped the channel may have been the feedback or a worker.
_RESUME = text("""
WITH before AS (
  SELECT channel, state, reason, actor, changed_at FROM channels
  WHERE channel = :channel AND state <> 'running' FOR UPDATE
)
UPDATE channels SET state = 'running', reason = NULL, actor = :actor, changed_at = now(), probe_at = NULL,
  rates_since = now()
FROM before WHERE channels.channel = before.channel
RETURNING before.state, before.reason, before.actor, before.changed_at
""")

_PUBLISH_NOW = text("""
UPDATE publications SET due_at = now() WHERE channel = :channel AND (published_at IS NOT NULL OR due_at < now())
""")


class ChannelStates:
    """The states of all channels. `actor` is written beside each change."""

    def __init__(self, engine: Engine, *, actor: str, probe_seconds: float = PROBE_SECONDS) -> None:
        self._engine = engine
        self._actor = actor
        self._probe = probe_seconds

    def all(self) -> list[ChannelState]:
        """Those that were ever changed."""
        with self._engine.connect() as connection:
            return [ChannelState(*row) for row in connection.execute(_ALL)]

    def state(self, channel: str) -> ChannelState:
        with self._engine.connect() as connection:
            row = connection.execute(_OF, {"channel": channel}).first()
        return ChannelState(*row) if row else ChannelState(channel)

    def park(self, channel: str, reason: str) -> bool:
        """Running → parked: nothing more is begun until a probe goes through. Answers whether it was running."""
        with self._engine.begin() as connection:
            values = {"channel": channel, "reason": reason, "actor": self._actor, "probe": self._probe}
            return connection.execute(_PARK, values).rowcount == 1

    def claim_probe(self, channel: str) -> bool:
        """Whether the channel is parked and we may send one message to see whether it works again."""
        with self._engine.begin() as connection:
            return connection.execute(_PROBE, {"channel": channel, "probe": self._probe}).rowcount == 1

    def reopen(self, channel: str) -> bool:
        """Parked → running: a probe went through. What waits is published at once."""
        with self._engine.begin() as connection:
            done = connection.execute(_REOPEN, {"channel": channel, "actor": self._actor}).rowcount == 1
            return done and _publish_now(connection, channel)

    def pause(self, channel: str, reason: str) -> bool:
        """Running or parked → paused, until `resume`. Answers whether it was not paused yet."""
        with self._engine.begin() as connection:
            done = pause(connection, channel, reason, self._actor)
            journal(connection, self._actor, "pause", reason, channel if done else f"{channel}, which was paused")
            return done

    def resume(self, channel: str, reason: str | None = None) -> bool:
        """Paused or parked → running. Bounces and complaints until now count no more against it.

        The journal keeps who had stopped it, when and why.
        """
        with self._engine.begin() as connection:
            before = connection.execute(_RESUME, {"channel": channel, "actor": self._actor}).first()
            journal(connection, self._actor, "resume", reason, _resumed(channel, before))
            return before is not None and _publish_now(connection, channel)


def _resumed(channel: str, before: Row[Any] | None) -> str:
    if before is None:
        return f"{channel}, which was running"
    since = before.changed_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{channel}, {before.state} by {before.actor} at {since}: {before.reason}"


def pause(connection: Connection, channel: str, reason: str, actor: str) -> bool:
    values = {"channel": channel, "reason": reason, "actor": actor}
    return connection.execute(_PAUSE, values).rowcount == 1


def _publish_now(connection: Connection, channel: str) -> bool:
    connection.execute(_PUBLISH_NOW, {"channel": channel})
    return True
