"""How fast a channel may send: one bucket of tokens in Redis for all workers, in recipients.

The bucket is a time: until when the rate is used up. A worker takes tokens for a tenth of a second at once, so that
what is sent late cannot meet much that is sent in time, and waits for its turn, a second at most. It remembers the
latest time it was told: a Redis that lost its memory grants no second twice. While Redis is away each worker keeps to
a part of its share.
"""

import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from redis.exceptions import RedisError, ResponseError

from notifier.broker.client import redis_client
from notifier.broker.url import BrokerUrl

log = structlog.get_logger(__name__)

T = TypeVar("T")

_WINDOW_SECONDS = 1.0
_PORTION_SECONDS = 0.1
_REFRESH_SECONDS = 60.0
_ALONE = 0.5  # of its share, for a worker that does not see the others
_SLOWER = 0.7
_RECOVERY = 0.02  # of the rate, a second
_LEAST = 0.05
_UNTOLD = 1.0
"""Recipients a second while nobody has said what the provider allows: what SES allows in its sandbox."""

_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local limit, wanted, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local factor = tonumber(redis.call('HGET', KEYS[1], 'factor') or '1')
local slowed = tonumber(redis.call('HGET', KEYS[1], 'slowed') or now)
local rate = limit * math.min(1, factor + (now - slowed) * tonumber(ARGV[5]))
local remembered = math.min(tonumber(ARGV[6]), now + window)
local used = math.max(now, remembered, tonumber(redis.call('HGET', KEYS[1], 'used') or '0'))
redis.call('ZADD', KEYS[2], now, ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 60)
redis.call('EXPIRE', KEYS[2], 120)
window = math.max(window, 1 / rate)
local free = math.max(0, math.min(wanted, math.floor((now + window - used) * rate + 0.000001)))
if free >= 1 then
  redis.call('HSET', KEYS[1], 'used', tostring(used + free / rate))
  redis.call('EXPIRE', KEYS[1], 3600)
end
return {free, tostring(used - now), redis.call('ZCARD', KEYS[2]), tostring(used + free / rate)}
"""

_SLOW_DOWN = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local factor = tonumber(redis.call('HGET', KEYS[1], 'factor') or '1')
local slowed = tonumber(redis.call('HGET', KEYS[1], 'slowed') or '0')
if now - slowed < 1 then return 0 end
factor = math.min(1, factor + (now - slowed) * tonumber(ARGV[2]))
local used = math.max(now, tonumber(redis.call('HGET', KEYS[1], 'used') or '0'))
redis.call('HSET', KEYS[1], 'factor', tostring(math.max(tonumber(ARGV[3]), factor * tonumber(ARGV[1]))),
           'slowed', tostring(now), 'used', tostring(used + 1))
redis.call('EXPIRE', KEYS[1], 3600)
return 1
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """So many tokens, to be used after so many seconds; none: ask again after that time."""

    tokens: int
    seconds: float


class TokenBucket:
    """The rate of one channel. `ask` says what the provider allows, None where it sets no limit.

    `fixed` is a rate from the settings: the provider is not asked then. `sleep` waits, and returns something true
    where this process is to end. Safe to share between threads.
    """

    def __init__(
        self,
        broker_url: str,
        channel: str,
        ask: Callable[[], float | None],
        *,
        fixed: float | None = None,
        headroom: float = 0.1,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._redis = redis_client(BrokerUrl.of(broker_url), timeout=2, decode_responses=True)
        self._take, self._slow = (self._redis.register_script(each) for each in (_TAKE, _SLOW_DOWN))
        self._name = f"notifier:rate:{channel}"
        self._me = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._ask = ask
        self._fixed = fixed
        self._headroom = headroom
        self._sleep = sleep
        self._lock = threading.Lock()
        self._known: float | None = fixed or _UNTOLD
        self._told = False
        self._fresh_until = 0.0
        self._share = 1
        self._remembered = 0.0  # until when the rate is used up, on Redis's clock
        self._used = 0.0  # the same on our own, for when Redis is away
        self._rest_until = 0.0

    def portions(self, items: Sequence[T], patience: float, moved: Callable[[], None]) -> Iterator[Sequence[T]]:
        """The items in the portions and at the times at which they may be sent; ends early after `patience` seconds,
        or when this process is to end. The tokens of a portion that is not sent then are lost: up to a second's.

        `moved` is told of each wait.
        """
        deadline = time.monotonic() + patience
        rest = items
        while rest:
            grant = self.take(min(len(rest), self._portion()))
            if not grant.tokens and time.monotonic() >= deadline:
                return
            if grant.seconds > 0:
                moved()
                if self._sleep(grant.seconds if grant.tokens else min(grant.seconds, 1.0)):
                    return
            if grant.tokens:
                yield rest[: grant.tokens]
                rest = rest[grant.tokens :]

    def take(self, wanted: int) -> Grant:
        """Up to `wanted` tokens."""
        limit = self._limit()
        if limit is None:  # too fast all the same: a moment's rest
            rest = self._rest_until - time.monotonic()
            return Grant(0, rest) if rest > 0 else Grant(wanted, 0.0)
        try:
            tokens, wait, self._share, used = self._take(
                keys=[self._name, f"{self._name}:workers"],
                args=[limit, wanted, _WINDOW_SECONDS, self._me, _RECOVERY, self._remembered],
            )
        except (RedisError, OSError) as error:
            if isinstance(error, ResponseError):  # a demoted primary keeps its connections open
                self._redis.connection_pool.disconnect(inuse_connections=False)
            return self._take_alone(limit, wanted)
        self._remembered = float(used)
        return Grant(tokens, max(0.0, float(wait)))

    def slow_down(self) -> None:
        """The provider said that we are too fast: all workers send less for a while."""
        self._rest_until = time.monotonic() + 1.0
        try:
            self._slow(keys=[self._name], args=[_SLOWER, _RECOVERY, _LEAST])
        except (RedisError, OSError):
            self._used = max(time.monotonic(), self._used) + 1.0

    def close(self) -> None:
        self._redis.close()

    def _portion(self) -> int:
        limit = self._limit()
        return sys.maxsize if limit is None else max(1, int(limit * _PORTION_SECONDS))

    def _take_alone(self, limit: float, wanted: int) -> Grant:
        rate = limit / max(1, self._share) * _ALONE
        with self._lock:
            now = time.monotonic()
            used = max(now, self._used)
            tokens = max(0, min(wanted, int((now + max(_WINDOW_SECONDS, 1 / rate) - used) * rate + 1e-6)))
            self._used = used + tokens / rate
        return Grant(tokens, used - now)

    def _limit(self) -> float | None:
        """Asked for once a minute, by one thread of one worker for all of them; before the first answer all wait."""
        if self._fixed is not None:
            return self._fixed
        if self._is_fresh() or not self._lock.acquire(blocking=not self._fresh_until):
            return self._known
        try:
            if not self._is_fresh():
                self._known = self._shared_limit()
                self._told = True
        except Exception as error:  # noqa: BLE001  whatever the SDK raises: the last known rate holds
            self._say_unknown(error)
        finally:
            self._fresh_until = time.monotonic() + _REFRESH_SECONDS / 2
            self._lock.release()
        return self._known

    def _say_unknown(self, error: Exception) -> None:
        name, rate = type(error).__name__, self._known
        if self._told:
            log.warning("the provider's rate is not known", error=name, last_known=rate)
        else:
            log.error("the provider has not said its rate yet: very few are sent", error=name, rate=rate)

    def _is_fresh(self) -> bool:
        return time.monotonic() < self._fresh_until

    def _shared_limit(self) -> float | None:
        """The workers share one answer: SES allows one such question a second for the whole account."""
        try:
            if (known := self._redis.get(f"{self._name}:limit")) is not None:
                return float(str(known)) or None
            asking = self._redis.set(f"{self._name}:asking", self._me, nx=True, ex=10)
        except (RedisError, OSError):
            asking = True
        if not asking and self._told and self._known is not None:
            return self._known
        rate = self._ask()
        limit = rate * (1 - self._headroom) if rate else None
        try:
            self._redis.set(f"{self._name}:limit", limit or 0, ex=int(_REFRESH_SECONDS))
        except (RedisError, OSError):
            log.info("the provider's rate could not be shared", rate=limit)
        return limit
