"""The clock of a test's database: `now()` in its statements is what the test says."""

from datetime import UTC, datetime
from importlib.resources import files

import psycopg
from sqlalchemy import text

from notifier.database.engine import Engine
from notifier.errors import UsageError

OPTIONS = "options=-csearch_path%3Dpublic,test_clock,pg_catalog"
"""Parameter of the URL of a database that has the clock."""
_INSTALL = files(__package__).joinpath("clock.sql").read_text("utf-8")
_SET = text("UPDATE test_clock.clock SET at = :at, set_at = pg_catalog.clock_timestamp()")


def install(url: str) -> None:
    """Create the clock in an empty database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_INSTALL.encode())


class DatabaseClock:
    """The clock of one database. It stands still until it is set, and goes back only until `forward_only` is set."""

    def __init__(self, engine: Engine, at: datetime) -> None:
        self.forward_only = False
        self._engine = engine
        self._at = at
        self.set(at)

    @property
    def now(self) -> datetime:
        """Its time, in UTC."""
        return self._at

    def set(self, at: datetime) -> None:
        """Set it. Raise UsageError for a time without a zone, or to which it may not go back."""
        if at.utcoffset() is None:
            raise UsageError("a time with a time zone is needed, as datetime(2027, 1, 4, 22, tzinfo=UTC)")
        at = at.astimezone(UTC)
        if self.forward_only and at < self._at:
            raise UsageError(
                f"the clock is at {self._at:%Y-%m-%d %H:%M:%S} UTC, "
                f"and does not go back to {at:%Y-%m-%d %H:%M:%S} UTC: "
                "set an earlier time before the first record"
            )
        with self._engine.begin() as connection:
            connection.execute(_SET, {"at": at})
        self._at = at
