"""What one account and one shard can bear. Nothing is limited unless the behaviour says so."""

from collections import defaultdict, deque

from simulators.streams.errors import ApiError

_WINDOW = 1.0


class Rates:
    """So many calls of a kind in any second."""

    def __init__(self) -> None:
        self._calls: defaultdict[str, deque[float]] = defaultdict(deque)

    def admits(self, kind: str, rate: float | None, now: float) -> bool:
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
    """Who reads a shard: whoever went on, in the last second, from an iterator of their own."""

    def __init__(self) -> None:
        self._seen: defaultdict[tuple[str, str], dict[int, float]] = defaultdict(dict)

    def admits(self, shard: tuple[str, str], reader: int, most: int | None, now: float) -> bool:
        if most is None:
            return True
        seen = {one: at for one, at in self._seen[shard].items() if at > now - _WINDOW}
        self._seen[shard] = seen
        if reader not in seen and len(seen) >= most:
            return False
        seen[reader] = now
        return True


def rate_exceeded() -> ApiError:
    """DescribeStream and ListStreams have no error of their own for this."""
    return ApiError("ThrottlingException", "Rate exceeded")


def limit_exceeded(what: str) -> ApiError:
    return ApiError("LimitExceededException", f"Too many operations for a given subscriber: {what}")
