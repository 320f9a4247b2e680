"""Small faults: each harms one connection or one call, so that many of them fit into a second. They come beside the
scheduled ones, whose order for a seed they do not change.
"""

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tests.chaos.faults.kinds import Field, Kind
from tests.chaos.faults.proxy import CutAt, Delay, LoseAnswer, Refuse, Trap

_MOST_WAITING = 3
"""A proxy or a simulator has no more of them than this that no connection and no call has met."""
_MAILS_FOR_EACH = 25
"""SES gets one small fault for so many mails at most. A worker that tries once in some seconds whether the provider
answers would otherwise find a new fault each time, as if the provider were down for good.
"""
_MOST_AT_ONCE = 5.0
"""Seconds: what was not injected while the run did something else is made up for at most so long."""


class SmallFaults:
    """Injects small faults of these `groups` at a steady rate."""

    def __init__(self, field: Field, groups: Collection[str], seed: int, a_second: float) -> None:
        kinds = [kind for kind in SMALL if kind.group in groups]
        self._kinds, self._weights = kinds, [kind.weight for kind in kinds]
        self._field = Field(field.world, field.processes, random.Random(f"small {seed}"))
        self._rate = a_second if kinds else 0.0
        self._due = 0.0
        self._at = time.monotonic()
        self._accepted = 0

    def inject(self, accepted: int) -> None:
        """Inject those that are due since the last call. `accepted` is how many mails SES has accepted so far."""
        now = time.monotonic()
        self._due += self._rate * min(now - self._at, _MOST_AT_ONCE)
        self._at = now
        for _ in range(int(self._due)):
            kind = self._field.rng.choices(self._kinds, self._weights)[0]
            if kind.group == "ses":
                if accepted < self._accepted + _MAILS_FOR_EACH:
                    continue
                self._accepted = accepted
            kind.inject(self._field)
        self._due %= 1

    def rest(self) -> None:
        """Let the time since the last call count for nothing."""
        self._at = time.monotonic()


def _trap(place: str, make: Callable[[random.Random], Trap]) -> Callable[[Field], str]:
    def inject(field: Field) -> str:
        trap, proxy = make(field.rng), field.world.proxies[place]
        if proxy.traps < _MOST_WAITING:
            proxy.set_trap(trap)
        return repr(trap)

    return inject


def _torn(rng: random.Random) -> Trap:
    return CutAt(bytes_left=rng.randrange(1, 3_000), answers=rng.random() < 0.5)


def _late(rng: random.Random) -> Trap:
    return Delay(seconds=rng.uniform(0.1, 1.0))


def _refused(status: str, code: str) -> Callable[[random.Random], Trap]:
    body = f'{{"__type":"com.amazonaws.sqs#{code}","message":"The run says so."}}'
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    return lambda _: Refuse(answer=(head + body).encode())


def _ses(kind: str, **how: Any) -> Callable[[Field], str]:
    return _rule(lambda field: field.world.ses_rules(), lambda field, rule: field.world.spoil_ses(rule), kind, **how)


def _streams(kind: str, **how: Any) -> Callable[[Field], str]:
    return _rule(
        lambda field: field.world.streams.get("faults"),
        lambda field, rule: field.world.streams.add_faults(dict(rule)),
        kind,
        **how,
    )


def _rule(
    known: Callable[[Field], Sequence[Mapping[str, Any]]],
    add: Callable[[Field, Mapping[str, Any]], object],
    kind: str,
    **how: Any,
) -> Callable[[Field], str]:
    def inject(field: Field) -> str:
        rule = {"kind": kind, "times": 1, **how}
        if kind == "slow":
            rule["seconds"] = round(field.rng.uniform(0.1, 1.5), 2)
        if sum(each["times"] == 1 and not each["fired"] for each in known(field)) < _MOST_WAITING:
            add(field, rule)
        return str(rule)

    return inject


SMALL: Sequence[Kind] = (
    *(Kind(f"{place}: torn", "cut", weight, _trap(place, _torn))
      for place, weight in (("postgres", 3), ("redis", 3), ("sqs", 2))),
    *(Kind(f"{place}: answer lost", "cut", 2, _trap(place, lambda _: LoseAnswer()))
      for place in ("postgres", "redis", "sqs")),
    *(Kind(f"{place}: late", "cut", 2, _trap(place, _late)) for place in ("postgres", "redis", "sqs")),
    Kind("postgres: answer to COMMIT lost", "cut", 2, _trap("postgres", lambda _: LoseAnswer(to=b"COMMIT"))),
    Kind("sqs: 503", "cut", 2, _trap("sqs", _refused("503 Service Unavailable", "ServiceUnavailable"))),
    Kind("sqs: throttled", "cut", 2, _trap("sqs", _refused("400 Bad Request", "RequestThrottled"))),
    Kind("ses: accepts, cuts", "ses", 3, _ses("accept_then_cut")),
    Kind("ses: accepts, half an answer", "ses", 1, _ses("truncated")),
    Kind("ses: accepts, a broken answer", "ses", 1, _ses("truncated", body="broken")),
    Kind("ses: accepts, 500", "ses", 2, _ses("error_after_accept")),
    Kind("ses: 503", "ses", 3, _ses("error_before_accept")),
    Kind("ses: cuts first", "ses", 3, _ses("cut_before_accept")),
    Kind("ses: 429", "ses", 1, _ses("throttle")),
    Kind("ses: slow", "ses", 2, _ses("slow")),
    *(Kind(f"streams: {kind}", "streams", 2, _streams(kind))
      for kind in ("throttle", "error", "cut", "lost", "expired", "truncated", "slow")),
)  # fmt: skip
