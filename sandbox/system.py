"""The whole system on one machine: servers, simulators, bridges and workers, each a process of its own."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from notifier.database import migrate
from notifier.settings import Settings
from sandbox.ministack import MinistackServer, ministack
from sandbox.postgres import PostgresServer, embedded_postgres
from sandbox.processes import Child
from sandbox.redis import RedisServer, embedded_redis
from sandbox.ses_server import SesServer, ses_simulator
from sandbox.table import EventTable

TABLE = "activity"
ROUTES = "examples.notifications"
SENDER = "Notifier demo <hello@example.com>"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


@dataclass
class System:
    """Running servers, and the processes that were started on them. `options` are more variables for those."""

    folder: Path
    postgres: PostgresServer
    redis: RedisServer
    aws: MinistackServer
    ses: SesServer
    processes: ExitStack
    options: dict[str, str] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that each process of the system gets; the user's own routes win over the example's."""
        return {
            "NOTIFIER_DATABASE_URL": self.postgres.url("notifier"),
            "NOTIFIER_BROKER_URL": self.redis.url,
            "NOTIFIER_AWS_ENDPOINT_URL": self.aws.url,
            "NOTIFIER_AWS_SES_ENDPOINT_URL": self.ses.url,
            "NOTIFIER_AWS_REGION": "eu-west-1",
            "NOTIFIER_TABLES": os.environ.get("NOTIFIER_TABLES", TABLE),
            "NOTIFIER_ROUTES": os.environ.get("NOTIFIER_ROUTES", ROUTES),
            "NOTIFIER_TEMPLATES": os.environ.get("NOTIFIER_TEMPLATES", ""),
            "NOTIFIER_HEARTBEAT_FOLDER": str(self.folder),
            "NOTIFIER_SENDER": os.environ.get("NOTIFIER_SENDER", SENDER),
            **self.options,
        }

    def check(self) -> None:
        """Raises Unreachable, with the end of its log, where a process of the system has ended."""
        for child in self.children:
            child.check()

    def table(self, name: str = TABLE) -> EventTable:
        """A table of this system's DynamoDB."""
        session = boto3.Session(*_CREDENTIALS.values())
        return EventTable(self.settings, name, session)

    @property
    def settings(self) -> Settings:
        given: dict[str, Any] = {n.removeprefix("NOTIFIER_").lower(): v for n, v in self.environment.items()}
        return Settings(**given)

    def start(self, name: str, *words: str) -> Child:
        """Start `notifier WORDS` as a process; it ends with the system."""
        child = notifier_process(name, words, self.folder, self.environment)
        self.children.append(self.processes.enter_context(child))
        return child


@contextmanager
def running_servers(folder: Path, *, durable: bool = True) -> Iterator[System]:
    """Postgres, Redis, DynamoDB and SES, migrated and with the tables made; logs lie in `folder`."""
    with ExitStack() as stack, ThreadPoolExecutor(4) as side_by_side:  # each spends its start waiting
        postgres = side_by_side.submit(stack.enter_context, embedded_postgres(folder, durable=durable))
        redis = side_by_side.submit(stack.enter_context, embedded_redis(folder, durable=durable))
        aws = side_by_side.submit(stack.enter_context, ministack(folder))
        ses = side_by_side.submit(stack.enter_context, ses_simulator(folder))
        servers = (postgres.result(), redis.result(), aws.result(), ses.result())
        system = System(folder, *servers, processes=stack.enter_context(ExitStack()))
        system.postgres.create_database("notifier")
        migrate(system.postgres.url("notifier"))
        for table in system.settings.tables:
            system.table(table).create()
        yield system


def notifier_process(name: str, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Child:
    """`notifier WORDS` as a process with these settings and no others; its log lies in `folder`."""
    command = [sys.executable, "-m", "notifier", *words]
    return Child(name, command, log=folder / f"{name}.log", env={**_clean_environment(), **environment})


def _clean_environment() -> dict[str, str]:
    """Ours without what would lead a process of the system to a real AWS account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "NOTIFIER_"))}
    return kept | _CREDENTIALS | {"AWS_EC2_METADATA_DISABLED": "true"}
