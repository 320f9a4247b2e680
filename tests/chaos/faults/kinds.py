"""The kinds of faults of a run, each with its weight; the run's seed draws them."""

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from tests.chaos.environment import LEASE, SHARD_LEASE, TABLE, World
from tests.chaos.faults.failover import fail_over
from tests.chaos.faults.proxy import CutAt, LoseAnswer, Trap
from tests.chaos.faults.redis_pair import NOTHING
from tests.chaos.processes import Processes

POSTGRES_FAILOVER = "postgres: failover"
_STREAM_FAULTS = ("throttle", "error", "cut", "lost", "empty", "expired", "truncated")


@dataclass
class Field:
    """What a fault is injected into."""

    world: World
    processes: Processes
    rng: random.Random


@dataclass(frozen=True)
class Kind:
    """`inject` returns what it did. `weight` is how often it comes among the others."""

    name: str
    group: str
    weight: int
    inject: Callable[[Field], str]


def _kill(role: str) -> Callable[[Field], str]:
    def inject(field: Field) -> str:
        name = field.rng.choice(field.processes.moving(role) or [f"{role}-1"])
        field.processes.kill(name)
        return name

    return inject


def _stand_still(role: str, lease: float) -> Callable[[Field], str]:
    """Longer than the lease, so that others take over; then it goes on as if nothing had happened."""

    def inject(field: Field) -> str:
        moving = field.processes.moving(role)
        if len(moving) < 2:
            return f"{NOTHING}they stand still already"
        name, seconds = field.rng.choice(moving), lease + field.rng.uniform(0.5, 3.0)
        field.processes.stand_still(name, seconds)
        return f"{name} for {seconds:.1f} s"

    return inject


def _cut(where: str) -> Callable[[Field], str]:
    return lambda field: f"{field.world.proxies[where].cut_all()} connections"


def _trap(where: str, make: Callable[[random.Random], Trap]) -> Callable[[Field], str]:
    def inject(field: Field) -> str:
        trap = make(field.rng)
        field.world.proxies[where].set_trap(trap)
        return repr(trap)

    return inject


def _stall(where: str) -> Callable[[Field], str]:
    """Well within an attempt's lease: a request that arrives after all that could be sent twice."""

    def inject(field: Field) -> str:
        seconds = field.rng.uniform(0.5, LEASE / 2)
        field.world.proxies[where].stall(seconds)
        return f"{seconds:.1f} s"

    return inject


def _ses(kind: str, most: int = 3, **how: Any) -> Callable[[Field], str]:
    def inject(field: Field) -> str:
        rule = {"kind": kind, "times": field.rng.randint(1, most), **how}
        field.world.spoil_ses(rule)
        return str(rule)

    return inject


def _streams(kind: str, **how: Any) -> Callable[[Field], str]:
    def inject(field: Field) -> str:
        rule = {"kind": kind, "times": field.rng.randint(1, 5), **how}
        field.world.streams.add_faults(rule)
        return str(rule)

    return inject


def _reshard(change: str) -> Callable[[Field], str]:
    def inject(field: Field) -> str:
        shards = field.world.streams.get("truth?records=0")["shards"]
        shard = field.rng.choice([each["shard"] for each in shards if not each["closed"]])
        field.world.streams.post(change, shard=shard)
        return f"{shard} of {TABLE}"

    return inject


def _redis_restart(*, keep_data: bool) -> Callable[[Field], str]:
    def inject(field: Field) -> str:
        field.world.redis.restart(keep_data=keep_data)
        return "with its data" if keep_data else "without its data"

    return inject


def _redis_failover(*, kill: bool) -> Callable[[Field], str]:
    return lambda field: field.world.redis.fail_over(field.world.proxies["redis"], kill=kill)


def _flush(field: Field) -> str:
    with redis.Redis.from_url(field.world.redis.url) as client:
        client.flushall()
    return "FLUSHALL"


def _postgres(mode: Any) -> Callable[[Field], str]:
    def inject(field: Field) -> str:
        field.world.postgres.restart(mode)
        return str(mode)

    return inject


def _kinds_of_cuts(place: str, weight: int) -> Iterator[Kind]:
    def torn(rng: random.Random) -> Trap:
        return CutAt(bytes_left=rng.randrange(1, 3_000), answers=rng.random() < 0.5)

    yield Kind(f"{place}: all cut", "cut", weight, _cut(place))
    yield Kind(f"{place}: stalls", "cut", weight, _stall(place))
    yield Kind(f"{place}: answer lost", "cut", weight, _trap(place, lambda _: LoseAnswer()))
    yield Kind(f"{place}: torn", "cut", 2 * weight, _trap(place, torn))


KINDS: Sequence[Kind] = (
    Kind("kill bridge", "kill", 10, _kill("bridge")),
    Kind("kill worker", "kill", 14, _kill("worker")),
    Kind("kill feedback", "kill", 5, _kill("feedback")),
    Kind("bridge stands still", "stop", 3, _stand_still("bridge", SHARD_LEASE)),
    Kind("worker stands still", "stop", 5, _stand_still("worker", LEASE)),
    Kind("feedback stands still", "stop", 2, _stand_still("feedback", SHARD_LEASE)),
    Kind("redis: restart", "server", 2, _redis_restart(keep_data=True)),
    Kind("redis: restart, empty", "server", 2, _redis_restart(keep_data=False)),
    Kind("redis: FLUSHALL", "server", 2, _flush),
    Kind("redis: failover, old primary demoted", "failover", 2, _redis_failover(kill=False)),
    Kind("redis: failover, old primary killed", "failover", 2, _redis_failover(kill=True)),
    Kind("postgres: immediate restart", "server", 2, _postgres("immediate")),
    Kind("postgres: SIGKILL", "server", 1, _postgres("kill")),
    Kind(POSTGRES_FAILOVER, "failover", 4, lambda field: fail_over(field.world)),
    Kind("postgres: answer to COMMIT lost", "cut", 8, _trap("postgres", lambda _: LoseAnswer(to=b"COMMIT"))),
    *_kinds_of_cuts("postgres", 3),
    *_kinds_of_cuts("redis", 2),
    *_kinds_of_cuts("ses", 3),
    *_kinds_of_cuts("sqs", 1),
    *_kinds_of_cuts("streams", 1),
    Kind("ses: accepts, cuts", "ses", 4, _ses("accept_then_cut")),
    Kind("ses: accepts, hangs", "ses", 2, _ses("accept_then_hang", 1)),
    Kind("ses: accepts, half an answer", "ses", 2, _ses("truncated")),
    Kind("ses: accepts, a broken answer", "ses", 2, _ses("truncated", body="broken")),
    Kind("ses: accepts, 500", "ses", 3, _ses("error_after_accept")),
    Kind("ses: 503", "ses", 2, _ses("error_before_accept")),
    Kind("ses: cuts first", "ses", 2, _ses("cut_before_accept")),
    Kind("ses: 429", "ses", 2, _ses("throttle")),
    Kind("ses: account paused", "ses", 1, _ses("refuse", 1, code="SendingPausedException", status=400)),
    Kind("ses: entries of a bulk call fail", "ses", 2, _ses("entry_status", 20)),
    *(Kind(f"streams: {each}", "streams", 1, _streams(each)) for each in _STREAM_FAULTS),
    Kind("streams: a shard splits", "streams", 1, _reshard("split")),
    Kind("streams: a shard rotates", "streams", 3, _reshard("rotate")),
)
GROUPS = tuple(dict.fromkeys(kind.group for kind in KINDS))


def drawn(rng: random.Random, groups: Collection[str]) -> Kind:
    """One kind of these groups; a kind may be named itself."""
    kinds = [kind for kind in KINDS if kind.group in groups or kind.name in groups]
    return rng.choices(kinds, [kind.weight for kind in kinds])[0]


def counted(faults: Sequence[Mapping[str, Any]], *groups: str) -> int:
    """How many faults of these groups there were; a kind may be named itself. One that did nothing is none."""
    return sum(
        not fault.get("did", "").startswith(NOTHING) and bool({fault["group"], fault.get("fault")} & set(groups))
        for fault in faults
    )
