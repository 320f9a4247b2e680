"""Events of the last minute are settled again after a failover, which may have lost the first commit."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy.exc
from structlog.testing import capture_logs

from bridge.feedback import recent
from bridge.feedback.recent import KEEP_SECONDS, RecentlySettled
from notifier.database.errors import DatabaseError
from notifier.database.server import Server
from notifier.feedback import DeadLetter, Feedback, FeedbackKind
from notifier.outbox import Settled

AWAY = sqlalchemy.exc.OperationalError("UPDATE", {}, Exception("server closed the connection"))
NOW = datetime.now(UTC)


class Outbox:
    """An outbox whose database can lose events, or be away."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.asked: list[int] = []
        self.error: Exception | None = None

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled:
        if self.error:
            raise self.error
        self.asked.append(len(events))
        fresh = {each.message_id for each in events} - self.known
        self.known |= fresh
        return Settled(fresh=len(fresh), repeated=len(events) - len(fresh))

    def match_again(self) -> bool:
        raise NotImplementedError

    def note_settled_before(self, ago: float = 0.0) -> None:
        raise NotImplementedError


class Environment:
    def __init__(self) -> None:
        self.now = 0.0
        self.outbox = Outbox()
        self.server = Server(NOW, takes_writes=True)
        self.recent = RecentlySettled(self.outbox, lambda: self.server, lambda: self.now)
        self.recent.settle_again()


def events(*names: str) -> list[Feedback]:
    return [Feedback(FeedbackKind.SEND, name, NOW, NOW) for name in names]


def test_events_that_a_failover_lost_are_settled_again_and_logged() -> None:
    environment = Environment()
    environment.recent.settle(events("m-1", "m-2"))
    environment.outbox.known = set()
    environment.recent.connected()
    with capture_logs() as logs:
        environment.recent.settle_again()

    assert environment.outbox.known == {"m-1", "m-2"}
    assert [(each["log_level"], each["count"]) for each in logs] == [("warning", 2)]
    environment.recent.settle_again()
    assert environment.outbox.asked == [2, 2]  # once


def test_another_server_behind_the_same_connections_is_noticed() -> None:
    """As behind PgBouncer, which keeps its clients' connections through a failover."""
    environment = Environment()
    environment.recent.settle(events("m-1"))
    environment.outbox.known = set()
    environment.server = Server(NOW + timedelta(microseconds=1), takes_writes=True)
    environment.recent.settle_again()
    assert environment.outbox.known == {"m-1"}
    environment.recent.settle_again()
    assert environment.outbox.asked == [1, 1]


def test_a_standby_that_is_not_promoted_yet_gets_the_events_when_it_is() -> None:
    environment = Environment()
    environment.recent.settle(events("m-1"))
    environment.outbox.known, environment.outbox.error = set(), AWAY
    environment.server = Server(NOW - timedelta(days=1), takes_writes=False)
    with pytest.raises(DatabaseError):
        environment.recent.settle_again()
    environment.server, environment.outbox.error = Server(environment.server.started_at, takes_writes=True), None
    environment.recent.settle_again()
    assert environment.outbox.known == {"m-1"}


def test_nothing_is_settled_twice_while_the_connections_last() -> None:
    environment = Environment()
    environment.recent.settle(events("m-1"))
    environment.now += KEEP_SECONDS
    environment.recent.settle_again()
    assert environment.outbox.asked == [1]


def test_while_the_database_is_away_nothing_is_forgotten() -> None:
    environment = Environment()
    environment.recent.settle(events("m-1"))
    environment.outbox.known, environment.outbox.error = set(), AWAY
    environment.recent.connected()
    environment.now += 10 * KEEP_SECONDS
    for attempt in (lambda: environment.recent.settle(events("m-2")), environment.recent.settle_again):
        with pytest.raises(DatabaseError):
            attempt()

    environment.outbox.error = None
    environment.recent.settle_again()
    assert environment.outbox.known == {"m-1"}


def test_what_is_old_is_forgotten() -> None:
    environment = Environment()
    environment.recent.settle(events("m-1"))
    environment.now += KEEP_SECONDS + 1
    environment.recent.settle(events("m-2"))
    environment.recent.connected()
    environment.recent.settle_again()
    assert environment.outbox.asked == [1, 1, 1]


def test_its_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST_EVENTS", 3)
    environment = Environment()
    for number in range(5):
        environment.recent.settle(events(f"m-{number}"))
    environment.recent.connected()
    environment.recent.settle_again()
    assert environment.outbox.asked == [1, 1, 1, 1, 1, 3]
