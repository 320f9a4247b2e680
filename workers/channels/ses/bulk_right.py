"""Whether SES takes bulk calls from this worker. Its role may have the right to SendEmail alone."""

import threading
import time
from collections.abc import Callable

import structlog

from workers.channels.ses.mode import REST_SECONDS

log = structlog.get_logger(__name__)


class BulkRight:
    """What SES has said of it in this process. Thread-safe. After REST_SECONDS bulk calls are tried again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._next_try = 0.0  # 0 while bulk calls are taken

    def missing(self) -> bool:
        """Return whether the mails of a unit are to be sent one by one."""
        return bool(self._next_try) and self._clock() < self._next_try

    def refused(self, reason: str) -> None:
        """Note that SES refused a bulk call for this reason, and then accepted one of its mails by a single call."""
        with self._lock:
            known, self._next_try = self._next_try, self._clock() + REST_SECONDS
        if not known:
            log.error(
                "SES refuses bulk calls and takes single ones: mails go one by one; give the worker's role the "
                "rights of deploy/iam/worker-email.json, or set NOTIFIER_SES_MODE=single",
                reason=reason,
            )

    def taken(self) -> None:
        """Note that SES took a bulk call."""
        if not self._next_try:
            return
        with self._lock:
            known, self._next_try = self._next_try, 0.0
        if known:
            log.warning("SES takes bulk calls again")
