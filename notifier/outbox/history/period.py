"""How many days are kept: the most that NOTIFIER_KEEP_DAYS says for any process, which the table `retention` records.

No process deletes younger days, whatever its own setting, or without one. Only an operator reduces the number, and
gives a reason.
"""

import structlog
from sqlalchemy import Engine

from notifier.outbox.statements import statement

log = structlog.get_logger(__name__)

_DAYS_TO_KEEP = statement(__package__, "days_to_keep.sql")
_KEEP_AT_LEAST = statement(__package__, "keep_at_least.sql")
_SHORTEN = statement(__package__, "shorten_days.sql")


class RetentionPeriod:
    """How many days this process and the others keep.

    `wanted` is the setting of this process, 0 for all days. `explicit`: it was set, and is not the default. Only an
    explicit number is recorded, if it is the largest so far.
    """

    def __init__(self, engine: Engine, wanted: int, *, explicit: bool) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._wanted = wanted
        self._explicit = explicit
        self._logged = wanted

    def agreed_days(self) -> int:
        """Return how many days are kept, 0 for all, and record the number of this process if it is explicit.

        Log each number that is larger than that of this process once.
        """
        agreed = self._read(explicit=self._explicit)
        if agreed not in (self._wanted, self._logged):
            log.warning(
                "NOTIFIER_KEEP_DAYS of another process is larger than here, so more days are kept; to keep fewer: "
                "notifier retain --shorten --reason WHY",
                keep_days=self._wanted,
                kept=agreed or "all",
            )
        self._logged = agreed
        return agreed

    def days(self) -> int:
        """Return how many days are kept, 0 for all. Changes nothing."""
        return self._read(explicit=False)

    def shorten(self, reason: str) -> None:
        """Reduce the days to keep to the setting of this process, for all processes."""
        with self._engine.connect() as connection:
            connection.execute(_SHORTEN, {"keep": self._wanted, "why": reason})

    def _read(self, *, explicit: bool) -> int:
        question = _KEEP_AT_LEAST if explicit else _DAYS_TO_KEEP
        with self._engine.connect() as connection:
            return int(connection.execute(question, {"keep": self._wanted}).scalar_one())
