"""Whether a channel sends: running, parked, or paused.

A worker parks a channel when the provider has blocked its account: from time to time one message is sent as a probe,
and the first one that is accepted reopens it. Operators pause a channel, and so does feedback when bounces or
complaints are above their limits; only an operator resumes it. The state is a row, so it holds for all workers and
across restarts. A channel without a row is running.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row

from notifier.outbox.operator.journal import journal, scope_time
from notifier.outbox.statements import statement
from notifier.settings import default

PROBE_SECONDS: float = default("probe_seconds")
"""Seconds until the first probe of a parked channel; doubled after each probe that fails, at most ten minutes."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """The state of a channel. `probe_at` is when the next probe of a parked channel is due."""

    channel: str
    state: str = "running"
    reason: str | None = None
    actor: str | None = None
    changed_at: datetime | None = None
    probe_at: datetime | None = None

    @property
    def runs(self) -> bool:
        return self.state == "running"


_READ_ALL = statement(__package__, "read_channels.sql")
_READ = statement(__package__, "read_channel.sql")
_PARK = statement(__package__, "park_channel.sql")
_CLAIM_PROBE = statement(__package__, "claim_probe.sql")
_REOPEN = statement(__package__, "reopen_channel.sql")
_PAUSE = statement(__package__, "pause_channel.sql")
_RESUME = statement(__package__, "resume_channel.sql")
_PUBLISH_NOW = statement(__package__, "publish_now.sql")


class ChannelStates:
    """The states of all channels.

    `actor` is stored with each change. The first probe of a parked channel is due after `probe_seconds`.

        ChannelStates(engine, actor="eva").pause("sms", "wrong number in the footer")
    """

    def __init__(self, engine: Engine, *, actor: str, probe_seconds: float = PROBE_SECONDS) -> None:
        self._engine = engine
        self._actor = actor
        self._probe = probe_seconds

    def all(self) -> list[ChannelState]:
        """Return the states of the channels that were ever changed."""
        with self._engine.connect() as connection:
            return [ChannelState(*row) for row in connection.execute(_READ_ALL)]

    def state(self, channel: str) -> ChannelState:
        """Return the state of one channel."""
        with self._engine.connect() as connection:
            row = connection.execute(_READ, {"channel": channel}).first()
        return ChannelState(*row) if row else ChannelState(channel)

    def park(self, channel: str, reason: str) -> bool:
        """Running → parked: no attempt is begun until a probe is accepted. False if it was not running."""
        with self._engine.begin() as connection:
            values = {"channel": channel, "reason": reason, "actor": self._actor, "probe": self._probe}
            return connection.execute(_PARK, values).rowcount == 1

    def claim_probe(self, channel: str) -> bool:
        """True if the channel is parked and its probe is due: the caller sends one message."""
        with self._engine.begin() as connection:
            return connection.execute(_CLAIM_PROBE, {"channel": channel, "probe": self._probe}).rowcount == 1

    def reopen(self, channel: str) -> bool:
        """Parked → running: a probe was accepted. Waiting messages are published at once. False if not parked."""
        with self._engine.begin() as connection:
            done = connection.execute(_REOPEN, {"channel": channel, "actor": self._actor}).rowcount == 1
            return done and _publish_now(connection, channel)

    def pause(self, channel: str, reason: str) -> bool:
        """Running or parked → paused, until `resume`. False if it was paused already."""
        with self._engine.begin() as connection:
            done = pause(connection, channel, reason, self._actor)
            journal(connection, self._actor, "pause", reason, channel if done else f"{channel}, which was paused")
            return done

    def resume(self, channel: str, reason: str | None = None) -> bool:
        """Paused or parked → running; waiting messages are published at once. False if it was running.

        Bounces and complaints until now no longer count against the channel's limits. The journal keeps who had
        stopped it, when and why.
        """
        with self._engine.begin() as connection:
            before = connection.execute(_RESUME, {"channel": channel, "actor": self._actor}).first()
            journal(connection, self._actor, "resume", reason, _resumed(channel, before))
            return before is not None and _publish_now(connection, channel)


def _resumed(channel: str, before: Row[Any] | None) -> str:
    if before is None:
        return f"{channel}, which was running"
    return f"{channel}, {before.state} by {before.actor} at {scope_time(before.changed_at)}: {before.reason}"


def pause(connection: Connection, channel: str, reason: str, actor: str) -> bool:
    """Running or parked → paused, in the caller's transaction. False if it was paused already."""
    values = {"channel": channel, "reason": reason, "actor": actor}
    return connection.execute(_PAUSE, values).rowcount == 1


def _publish_now(connection: Connection, channel: str) -> bool:
    connection.execute(_PUBLISH_NOW, {"channel": channel})
    return True
