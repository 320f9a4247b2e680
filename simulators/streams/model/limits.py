"""Limits of calls for an account and for a shard. There are none unless the settings say so."""

from collections import defaultdict, deque

from simulators.shared.errors import ApiError

_WINDOW = 1.0


class Rates:
    """Counts the calls of each kind in the last second."""

    def __init__(self) -> None:
        self._calls: defaultdict[str, deque[float]] = defaultdict(deque)

    def admits(self, kind: str, rate: float | None, now: float) -> bool:
        """Count a call, unless `rate` calls a second are reached: then return False."""
        if rate is None:
            return True
        calls = self._calls[kind]
        while calls and calls[0] <= now - _WINDOW:
            calls.popleft()
        if len(calls) >= rate:
            return False
        calls.append(now)
        return True


class Readers:
    """Counts the readers of each shard in the last second: chains of iterators that began with different ones."""

    def __init__(self) -> None:
        self._seen: defaultdict[tuple[str, str], dict[int, float]] = defaultdict(dict)

    def admits(self, shard: tuple[str, str], reader: int, most: int | None, now: float) -> bool:
        """Count a reader, unless there are `most` others: then return False."""
        if most is None:
            return True
        seen = {one: at for one, at in self._seen[shard].items() if at > now - _WINDOW}
        self._seen[shard] = seen
        if reader not in seen and len(seen) >= most:
            return False
        seen[reader] = now
        return True


def rate_exceeded() -> ApiError:
    """Return the error of DescribeStream and ListStreams: their API model has none for this."""
    return ApiError("ThrottlingException", "Rate exceeded")


def limit_exceeded(what: str) -> ApiError:
    return ApiError("LimitExceededException", f"Too many operations for a given subscriber: {what}")
