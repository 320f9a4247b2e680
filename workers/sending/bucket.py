"""The token bucket of a channel, in Redis and shared by all workers; one token is one recipient.

A worker takes the tokens of a tenth of a second at once, and waits until they may be used, a second at most. If it is
suspended meanwhile and sends late, it adds at most that tenth to what others send.
"""

import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeVar

from redis.exceptions import RedisError

from notifier.broker.client import leave_replica, redis_client
from notifier.broker.url import BrokerUrl
from notifier.lanes import SHARES, Lane
from workers.sending.rate import AllowedRate

T = TypeVar("T")

_WINDOW_SECONDS = 1.0
"""How far ahead tokens are granted."""
_BATCH_SECONDS = 0.1
_LOCAL_SHARE = 0.5  # of this worker's share, while it does not see the others
_SLOWER = 0.7
_RECOVERY = 0.02  # of the rate, a second
_LEAST = 0.05

_LANE_BATCH_SECONDS = 0.05
"""The batch of a channel with lanes. By so much of the rate, once, a lane that needs its share exceeds it."""

_CLOCK, *_SCRIPTS = (
    files(__package__).joinpath(name).read_text("utf-8")
    for name in ("rate_clock.lua", "take_tokens.lua", "take_lane_tokens.lua", "spend_tokens.lua", "slow_down.lua")
)
_WEIGHTS = sum(each.weight for each in SHARES.values())


@dataclass(frozen=True, slots=True)
class Grant:
    """Tokens that may be used after so many seconds. If there are none: when to ask again."""

    tokens: int
    seconds: float


class TokenBucket:
    """The bucket of one channel. Safe to share between threads.

    bucket = TokenBucket("redis://localhost", "email", ses.rate)
    for batch in bucket.batches(messages, timeout=45.0, on_wait=lambda: None):
        send(batch)
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
        lanes: bool = False,
    ) -> None:
        """`ask`, `fixed` and `headroom` are those of `AllowedRate`. `sleep` waits for some seconds, and returns
        something true if this process is to end. With `lanes` each lane has its share of the rate.
        """
        self._redis = redis_client(BrokerUrl.of(broker_url), timeout=2, decode_responses=True)
        scripts = (self._redis.register_script(_CLOCK + each) for each in _SCRIPTS)
        self._take, self._take_of_lane, self._spend, self._slow_down = scripts
        self._lanes = lanes
        self._key = f"notifier:rate:{channel}"
        self._worker = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._rate = AllowedRate(self._redis, self._key, self._worker, ask, fixed=fixed, headroom=headroom)
        self._sleep = sleep
        self._local = _LocalBucket()
        self._now: float | None = None  # the rate of its last grant
        self._used = 0.0  # until when the rate is used up, on the clock of rate_clock.lua, by the last answer
        self._used_by_lane: dict[Lane, float] = {}  # the same, of the shares of lanes
        self._pause_until = 0.0  # of a channel without a limit

    def batches(
        self, items: Sequence[T], timeout: float, on_wait: Callable[[], None], lane: Lane = Lane.NORMAL
    ) -> Iterator[Sequence[T]]:
        """Yield the items in order, in batches, each when it may be sent. Calls `on_wait` before each wait.

        Ends early if no token was granted within `timeout` seconds, or if this process is to end. The tokens of a
        batch that is not sent for that reason are lost: those of one second at most.
        """
        deadline = time.monotonic() + timeout
        rest = items
        while rest:
            grant = self.take(min(len(rest), self._batch_size()), lane)
            if not grant.tokens and time.monotonic() >= deadline:
                return
            if grant.seconds > 0:
                on_wait()
                if self._sleep(grant.seconds if grant.tokens else min(grant.seconds, 1.0)):
                    return
            if grant.tokens:
                yield rest[: grant.tokens]
                rest = rest[grant.tokens :]

    def take(self, wanted: int, lane: Lane = Lane.NORMAL) -> Grant:
        """Take up to `wanted` tokens."""
        limit = self._rate.limit()
        if limit is None:
            pause = self._pause_until - time.monotonic()
            return Grant(0, pause) if pause > 0 else Grant(wanted, 0.0)
        keys = [self._key, f"{self._key}:workers"]
        args = [limit, wanted, _WINDOW_SECONDS, self._worker, _RECOVERY, self._used]
        try:
            if self._lanes:
                share, remembered = SHARES[lane].weight / _WEIGHTS, self._used_by_lane.get(lane, 0.0)
                args += [lane.value, share, _LANE_BATCH_SECONDS, remembered]
                tokens, wait, self._local.workers, used, rate, own = self._take_of_lane(keys=keys, args=args)
                self._used_by_lane[lane] = float(own)
            else:
                tokens, wait, self._local.workers, used, rate = self._take(keys=keys, args=args)
        except (RedisError, OSError) as error:
            leave_replica(self._redis, error)
            return self._local.take(limit, wanted)
        self._used, self._now = float(used), float(rate)
        return Grant(tokens, max(0.0, float(wait)))

    def spend(self, tokens: int, lane: Lane = Lane.NORMAL) -> None:
        """Use up so many tokens at once, also those of the next seconds: the next caller waits for them."""
        limit = self._rate.limit()
        if limit is None:
            return
        args: list[float | str] = [limit, tokens, _RECOVERY, SHARES[lane].weight / _WEIGHTS]
        if self._lanes:
            args.append(lane.value)
        try:
            self._used = float(self._spend(keys=[self._key], args=args))
        except (RedisError, OSError) as error:
            leave_replica(self._redis, error)
            self._local.spend(limit, tokens)

    @property
    def allowed(self) -> float | None:
        """Recipients a second, as far as this worker knows; None for no limit. Makes no request."""
        return self._rate.known

    @property
    def now(self) -> float | None:
        """What workers used of it at this worker's last grant: less for a while after `slow_down`."""
        return self.allowed if self._now is None else self._now

    def slow_down(self) -> None:
        """The provider throttled a request: all workers pause for a second, and send less for a while."""
        self._pause_until = time.monotonic() + 1.0
        try:
            self._slow_down(keys=[self._key], args=[_SLOWER, _RECOVERY, _LEAST])
        except (RedisError, OSError) as error:
            leave_replica(self._redis, error)
            self._local.pause(1.0)

    def _batch_size(self) -> int:
        limit = self._rate.limit()
        seconds = _LANE_BATCH_SECONDS if self._lanes else _BATCH_SECONDS
        return sys.maxsize if limit is None else max(1, int(limit * seconds))

    def close(self) -> None:
        self._redis.close()


class _LocalBucket:
    """The bucket of this worker alone, while Redis is away: half of its share, because it does not see the others."""

    def __init__(self) -> None:
        self.workers = 1
        """How many shared the rate when Redis answered last."""
        self._lock = threading.Lock()
        self._used = 0.0  # until when this worker's part is used up, on its own monotonic clock

    def take(self, limit: float, wanted: int) -> Grant:
        rate = self._rate(limit)
        with self._lock:
            now = time.monotonic()
            used = max(now, self._used)
            tokens = max(0, min(wanted, int((now + max(_WINDOW_SECONDS, 1 / rate) - used) * rate + 1e-6)))
            self._used = used + tokens / rate
        return Grant(tokens, used - now)

    def spend(self, limit: float, tokens: int) -> None:
        with self._lock:
            self._used = max(time.monotonic(), self._used) + tokens / self._rate(limit)

    def _rate(self, limit: float) -> float:
        return limit / max(1, self.workers) * _LOCAL_SHARE

    def pause(self, seconds: float) -> None:
        self._used = max(time.monotonic(), self._used) + seconds
