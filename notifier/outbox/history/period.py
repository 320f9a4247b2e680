"""How many days are kept. The database knows the most that any process was told to keep, in the table `retention`.

No process deletes what is younger, whatever its own setting or the lack of one. Only an operator makes the number
smaller, and with a reason.
"""

import structlog
from sqlalchemy import Engine, text

log = structlog.get_logger(__name__)

_DAYS_TO_KEEP = text("SELECT days_to_keep(:keep)")
_KEEP_AT_LEAST = text("SELECT keep_at_least(:keep)")
_SHORTEN = text("SELECT shorten_days(:keep, :why)")


class RetentionPeriod:
    """`wanted` is the setting of this process, 0 for all. `explicit`: somebody set it, it is not the default.

    Only an explicit number is remembered, if it is the largest so far.
    """

    def __init__(self, engine: Engine, wanted: int, *, explicit: bool) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._wanted = wanted
        self._explicit = explicit
        self._told = wanted

    def agreed_days(self) -> int:
        """Return how many days are kept, 0 for all, and remember the number of this process where it is explicit.

        Log each number that is larger than that of this process, once.
        """
        agreed = self._ask(explicit=self._explicit)
        if agreed not in (self._wanted, self._told):
            log.warning(
                "another process was told to keep more days than NOTIFIER_KEEP_DAYS says here, so more are kept; to "
                "keep fewer from now on: notifier retain --shorten --reason WHY",
                keep_days=self._wanted,
                kept=agreed or "all",
            )
        self._told = agreed
        return agreed

    def days(self) -> int:
        """Return how many days are kept, 0 for all. Changes nothing."""
        return self._ask(explicit=False)

    def shorten(self, reason: str) -> None:
        """From now on no more days are kept than this process wants."""
        with self._engine.connect() as connection:
            connection.execute(_SHORTEN, {"keep": self._wanted, "why": reason})

    def _ask(self, *, explicit: bool) -> int:
        statement = _KEEP_AT_LEAST if explicit else _DAYS_TO_KEEP
        with self._engine.connect() as connection:
            return int(connection.execute(statement, {"keep": self._wanted}).scalar_one())
