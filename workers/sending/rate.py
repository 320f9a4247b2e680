"""The rate that a provider allows a channel, as its workers know it."""

import threading
import time
from collections.abc import Callable

import redis
import structlog
from redis.exceptions import RedisError

from notifier.broker.client import leave_replica

log = structlog.get_logger(__name__)

_REFRESH_SECONDS = 60.0
_UNKNOWN_RATE = 1.0
"""Recipients a second until the provider has said what it allows: the rate of an SES account in the sandbox."""


class AllowedRate:
    """Recipients a second that a channel may send to, over all workers. Safe to share between threads.

    One worker asks the provider, and all share its answer in Redis for a minute: SES answers one such request a
    second for the whole account.
    """

    def __init__(
        self,
        client: redis.Redis,
        key: str,
        worker: str,
        ask: Callable[[], float | None],
        *,
        fixed: float | None,
        headroom: float,
    ) -> None:
        """`key` is the prefix of the keys in Redis. `ask` returns the provider's rate, None if it sets no limit;
        `headroom` is the share of it that is left to other programs. With `fixed`, a rate from the settings, the
        provider is not asked.
        """
        self._redis = client
        self._key = key
        self._worker = worker
        self._ask = ask
        self._fixed = fixed
        self._headroom = headroom
        self._lock = threading.Lock()
        self._known: float | None = _UNKNOWN_RATE
        self._was_answered = False
        self._fresh_until = 0.0

    @property
    def known(self) -> float | None:
        """The last known limit, None for no limit. Makes no request."""
        return self._known if self._fixed is None else self._fixed

    def limit(self) -> float | None:
        """Return recipients a second, None for no limit.

        Asks when the answer is half a minute old, in one thread; the others go on with the last answer, or wait for
        the very first one. If the provider does not answer, its last answer holds.
        """
        if self._fixed is not None:
            return self._fixed
        if self._is_fresh() or not self._lock.acquire(blocking=not self._fresh_until):
            return self._known
        try:
            if not self._is_fresh():
                self._known = self._shared_limit()
                self._was_answered = True
        except Exception as error:  # noqa: BLE001  whatever the SDK raises: the last known rate holds
            self._log_unanswered(error)
        finally:
            self._fresh_until = time.monotonic() + _REFRESH_SECONDS / 2
            self._lock.release()
        return self._known

    def _is_fresh(self) -> bool:
        return time.monotonic() < self._fresh_until

    def _shared_limit(self) -> float | None:
        """Return the answer that Redis has, else ask. While another worker asks, the last answer holds."""
        try:
            if (known := self._redis.get(f"{self._key}:limit")) is not None:
                return float(str(known)) or None
            asking = self._redis.set(f"{self._key}:asking", self._worker, nx=True, ex=10)
        except (RedisError, OSError) as error:
            leave_replica(self._redis, error)
            asking = True
        if not asking and self._was_answered and self._known is not None:
            return self._known
        rate = self._ask()
        limit = rate * (1 - self._headroom) if rate else None
        try:
            self._redis.set(f"{self._key}:limit", limit or 0, ex=int(_REFRESH_SECONDS))
        except (RedisError, OSError):
            log.info("the provider's rate could not be shared", rate=limit)
        return limit

    def _log_unanswered(self, error: Exception) -> None:
        name, rate = type(error).__name__, self._known
        if self._was_answered:
            log.warning("the provider's rate is not known", error=name, last_known=rate)
        else:
            log.error("the provider has not said its rate yet: very few are sent", error=name, rate=rate)
