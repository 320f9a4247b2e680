"""The servers of a run, each behind a proxy that can break its connections. DynamoDB, SES and SQS are AWS's: they
answer badly, but never die.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from bridge.feedback.queue import FeedbackQueue
from notifier.database.schema import migrate
from notifier.settings import Settings
from sandbox.embedded.ministack import MinistackServer, ministack
from sandbox.embedded.postgres import PostgresServer, embedded_postgres
from sandbox.embedded.ses import SesServer, ses_simulator
from sandbox.embedded.streams import StreamsServer, streams_simulator
from sandbox.events_queue import ACCOUNT, NAME, create_events_queue
from sandbox.system import local_session
from tests.chaos.faults.proxy import CUT, DELAYED, REFUSED, Proxy
from tests.chaos.faults.redis_pair import RedisPair, replicated_redis
from tests.chaos.faults.replica import PROMPT, Replicated

TABLE = "activity"
SHARDS = 4
LEASE, SHARD_LEASE, UNKNOWN_AFTER = 6.0, 4.0, 12.0
"""Seconds. Who stands still longer than a lease, and no longer than a lease and `UNKNOWN_AFTER`, doubles nothing."""

_NOT_COUNTED = ("empty", "entry_status")


@dataclass
class World:
    database: PostgresServer | Replicated
    redis: RedisPair
    streams: StreamsServer
    ses: SesServer
    sqs: MinistackServer
    proxies: Mapping[str, Proxy]

    @property
    def postgres(self) -> PostgresServer:
        """The primary that there is now."""
        return self.database.primary if isinstance(self.database, Replicated) else self.database

    @property
    def database_url(self) -> str:
        """Of whichever server is the primary."""
        return self._through("postgres", self.postgres.url("notifier"))

    @property
    def environment(self) -> dict[str, str]:
        """The settings of every process, which see the proxies only."""
        return {
            "NOTIFIER_DATABASE_URL": self.database_url,
            "NOTIFIER_BROKER_URL": self._through("redis", self.redis.url),
            "NOTIFIER_AWS_ENDPOINT_URL": self._through("streams", self.streams.url),
            "NOTIFIER_AWS_SES_ENDPOINT_URL": self._through("ses", self.ses.url),
            "NOTIFIER_AWS_SQS_ENDPOINT_URL": self._through("sqs", self.sqs.url),
            "NOTIFIER_FEEDBACK_QUEUE_URL": self._through("sqs", queue_url(self.sqs)),
            "NOTIFIER_AWS_REGION": "eu-west-1",
            "NOTIFIER_TABLES": TABLE,
            "NOTIFIER_ROUTES": "tests.chaos.routes",
            "NOTIFIER_SENDER": "us@example.com",
            "NOTIFIER_SES_CONFIGURATION_SET": "notifier",
            "NOTIFIER_SHARD_LEASE_SECONDS": str(SHARD_LEASE),
            "NOTIFIER_SEND_LEASE_SECONDS": str(LEASE),
            "NOTIFIER_UNKNOWN_AFTER_SECONDS": str(UNKNOWN_AFTER),
            "NOTIFIER_VISIBILITY_SECONDS": "4",
            "NOTIFIER_LOOK_AGAIN_SECONDS": "2",
            "NOTIFIER_PROBE_SECONDS": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    def spoil_ses(self, *rules: Mapping[str, Any]) -> None:
        """These faults on top of those there are."""
        self._tell_ses("POST", rules)

    def ses_rules(self) -> Sequence[Mapping[str, Any]]:
        """Return the faults of SES that were added, also those that have happened."""
        with urlopen(f"{self.ses.url}/_sim/faults", timeout=30) as answer:
            rules: Sequence[Mapping[str, Any]] = json.load(answer)
        return rules

    def unsettled_events(self) -> int:
        """Return how many of SES's events are in the feedback queue. Not through a proxy: it always answers."""
        return self._queue.depth()

    @cached_property
    def _queue(self) -> FeedbackQueue:
        direct = {"NOTIFIER_AWS_SQS_ENDPOINT_URL": self.sqs.url, "NOTIFIER_FEEDBACK_QUEUE_URL": queue_url(self.sqs)}
        return FeedbackQueue(_settings(self.environment | direct))

    def harmed(self) -> dict[str, int]:
        """Return how many single faults reached the processes so far: connections that a proxy cut or delayed, and
        calls that it refused, or that a rule of a simulator refused, cut or delayed.

        A page of a stream without records and a failed entry of a bulk call are not among them: the call succeeds.
        """
        proxies = sum((proxy.harmed for proxy in self.proxies.values()), Counter[str]())
        simulators = Counter(self.ses.get("/_sim/counts")["faults"]) + Counter(self.streams.get("counts")["faults"])
        calls = sum(number for kind, number in simulators.items() if kind not in _NOT_COUNTED)
        return {
            "connections_cut": proxies[CUT],
            "connections_delayed": proxies[DELAYED],
            "calls_failed": proxies[REFUSED] + calls,
        }

    def heal(self) -> None:
        """From now on every connection holds, and AWS answers."""
        for proxy in self.proxies.values():
            proxy.heal()
        self._tell_ses("DELETE", [])
        self.streams.clear_faults()

    def _tell_ses(self, method: str, rules: Sequence[Mapping[str, Any]]) -> None:
        request = Request(f"{self.ses.url}/_sim/faults", json.dumps(rules).encode(), method=method)
        urlopen(request, timeout=30).close()

    def _through(self, name: str, url: str) -> str:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{self.proxies[name].port}")).geturl()


@dataclass(frozen=True)
class Database:
    """What the run's Postgres is. `settings` are for its postgresql.conf. A commit waits for a synchronous `replica`;
    an asynchronous one is two seconds behind; with none there is no failover.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    replica: Literal["none", "synchronous", "asynchronous"] = "none"


@contextmanager
def running_world(folder: Path, database: Database = Database(), ses: Sequence[str] = ()) -> Iterator[World]:
    """Everything that the processes need; the logs lie in `folder`. `ses` are options of its simulator."""
    servers: tuple[Any, ...] = (
        embedded_postgres(folder, settings={**PROMPT, **database.settings}),
        replicated_redis(folder),
        streams_simulator(folder),
    )
    with ExitStack() as stack, ThreadPoolExecutor(4) as side_by_side:
        starting = [side_by_side.submit(stack.enter_context, server) for server in servers]
        sqs = stack.enter_context(ministack(folder))
        provider = stack.enter_context(ses_simulator(folder, "--queue-url", queue_url(sqs), *ses))
        postgres, redis, streams = (each.result() for each in starting)
        ports = {
            "postgres": postgres.port,
            "redis": redis.port,
            "streams": urlsplit(streams.url).port,
            "ses": urlsplit(provider.url).port,
            "sqs": sqs.port,
        }
        proxies = {name: stack.enter_context(Proxy(port)) for name, port in ports.items()}
        world = World(postgres, redis, streams, provider, sqs, proxies)
        _make_queue(world)
        postgres.create_database("notifier")
        migrate(postgres.url("notifier"))
        streams.post("tables", table=TABLE, shards=SHARDS)
        if database.replica != "none":
            pair = _replicated(world, synchronous=database.replica == "synchronous")
            world.database = stack.enter_context(pair)
            assert pair.replica  # there is one before anything breaks
        yield world


def _replicated(world: World, *, synchronous: bool) -> Replicated:
    def move(port: int) -> None:
        world.proxies["postgres"].target = port
        world.proxies["postgres"].cut_all()

    return Replicated(world.postgres, synchronous=synchronous, moved=move)


def queue_url(sqs: MinistackServer) -> str:
    return f"{sqs.url}/{ACCOUNT}/{NAME}"


def _make_queue(world: World) -> None:
    settings = _settings(world.environment)
    create_events_queue(settings, local_session(settings))


def _settings(environment: Mapping[str, str]) -> Settings:
    given = {n.removeprefix("NOTIFIER_").lower(): v for n, v in environment.items() if n != "PYTHONPATH"}
    return Settings.model_validate(given)
