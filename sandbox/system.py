"""The whole system on one machine: servers, simulators, bridges and workers, each as a process."""

import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notifier.aws import aws_session
from notifier.channels import load_channel
from notifier.database.schema import migrate
from notifier.routes import Routes
from notifier.routes.loading import load_routes
from notifier.settings import RoleSettings, Settings, load_settings
from notifier.templates import Templates
from sandbox.embedded.kept import Kept
from sandbox.embedded.ministack import MinistackServer, ministack
from sandbox.embedded.postgres import PostgresServer, embedded_postgres
from sandbox.embedded.processes import Child
from sandbox.embedded.redis import RedisServer, embedded_redis
from sandbox.embedded.ses import SesServer, ses_simulator
from sandbox.events_queue import ACCOUNT, NAME, create_events_queue
from sandbox.given_settings import GivenSettings
from sandbox.table import EventTable

TABLE = "activity"
ROUTES = "examples.notifications"
SENDER = "Notifier demo <hello@example.com>"
_ADDRESSES = ("database_", "broker_", "aws_", "feedback_", "heartbeat_folder", "unsubscribe_")
_NOT_TAKEN = frozenset(
    f"NOTIFIER_{name.upper()}"
    for name in (*Settings.model_fields, *RoleSettings.model_fields)
    if name.startswith(_ADDRESSES) or name in RoleSettings.model_fields
)
"""Variables of the user's shell that belong to another system: addresses of its servers, passwords, its folder."""
_LOCAL_HOSTS = "127.0.0.1,localhost,::1"
_UNREACHABLE = {
    "NOTIFIER_DATABASE_URL": "postgresql://127.0.0.1:1/notifier",
    "NOTIFIER_BROKER_URL": "redis://127.0.0.1:1/0",
    "NOTIFIER_AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "NOTIFIER_AWS_SES_ENDPOINT_URL": "http://127.0.0.1:1",
    "NOTIFIER_AWS_SMS_ENDPOINT_URL": "http://127.0.0.1:1",
    "NOTIFIER_AWS_SNS_ENDPOINT_URL": "http://127.0.0.1:1",
    "NOTIFIER_AWS_REGION": "eu-west-1",
}
UNSUBSCRIBE_KEY = "local-local-local-local-local-local"
EXAMPLE = {
    "NOTIFIER_TABLES": TABLE,
    "NOTIFIER_ROUTES": ROUTES,
    "NOTIFIER_SENDER": SENDER,
    "NOTIFIER_SES_CONFIGURATION_SET": "notifier",
    "NOTIFIER_SMTP_HOST": "smtp.invalid",  # `notifier up` shows the mails instead
    "NOTIFIER_WEBHOOK_SECRET": "whsec_bG9jYWwtbG9jYWwtbG9jYWwtbG9jYWwt",
}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
_LOCAL_PROXY = re.compile(r"(?:^|//|@)(?:127\.|localhost\b|\[::1\])", re.IGNORECASE)
"""A proxy on this machine could pass messages on to other machines, unnoticed by `sandbox.local_worker`."""
_WARNING = re.compile(rb'\[(warning|error|critical) *\]|"level": ?"(warning|error|critical)"')


@dataclass
class System:
    """Running servers, and the processes that use them.

    `options` are environment variables of these processes; they replace those of the example. Leaving `processes`
    ends the processes.
    """

    folder: Path
    postgres: PostgresServer
    redis: RedisServer
    aws: MinistackServer
    ses: SesServer
    processes: ExitStack
    options: dict[str, str] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    _read: dict[Path, int] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of each process of the system."""
        return {
            "NOTIFIER_DATABASE_URL": self.postgres.url("notifier"),
            "NOTIFIER_BROKER_URL": self.redis.url,
            "NOTIFIER_AWS_ENDPOINT_URL": self.aws.url,
            "NOTIFIER_AWS_SES_ENDPOINT_URL": self.ses.url,
            # They show SMS in its inbox.
            "NOTIFIER_AWS_SMS_ENDPOINT_URL": self.ses.url,
            "NOTIFIER_AWS_SNS_ENDPOINT_URL": self.ses.url,
            "NOTIFIER_AWS_REGION": "eu-west-1",
            "NOTIFIER_FEEDBACK_QUEUE_URL": _queue_url(self.aws),
            "NOTIFIER_HEARTBEAT_FOLDER": str(self.folder),
            **EXAMPLE,
            **self.options,
        }

    def check(self, *, without: Collection[Child] = ()) -> None:
        """Raise NotifierError, with the end of its log, if a process has ended, other than those of `without`."""
        for child in self.children:
            if child not in without:
                child.check()

    def new_warnings(self) -> Iterator[str]:
        """Yield what processes have logged as warning or error since the last call, with the name of the process."""
        for child in self.children:
            with child.log.open("rb") as log:
                log.seek(self._read.get(child.log, 0))
                whole = log.read().rpartition(b"\n")[0]  # the last line may still be growing
            self._read[child.log] = self._read.get(child.log, 0) + len(whole)
            for line in whole.splitlines():
                if _WARNING.search(line):
                    yield f"{child.name}: {line.decode(errors='replace')}"

    def table(self, name: str = TABLE) -> EventTable:
        """Return a table of this system's DynamoDB."""
        return EventTable(self.settings, name, local_session(self.settings))

    @property
    def settings(self) -> Settings:
        """The settings of its processes."""
        given: dict[str, Any] = {n.removeprefix("NOTIFIER_").lower(): v for n, v in self.environment.items()}
        return GivenSettings(**given)

    def start(self, name: str, *words: str, module: str = "notifier") -> Child:
        """Start `notifier WORDS` as a process, which ends with the system."""
        given = self.environment
        if port := int(given.get("NOTIFIER_METRICS_PORT") or 0):  # each process of a machine needs its own
            given["NOTIFIER_METRICS_PORT"] = str(port + len(self.children))
        child = notifier_process(name, words, self.folder, given, module)
        self.add(child)
        return child

    def ask_to_stop(self, *others: Child) -> None:
        """Send all processes their signals, so that they end side by side. Leaving `processes` waits for them."""
        for child in (*self.children, *others):
            child.ask_to_stop()

    def add(self, child: Child) -> None:
        """Watch over a process, which ends with the system."""
        self.children.append(self.processes.enter_context(child))
        self._read.setdefault(child.log, child.log_start)


@contextmanager
def running_servers(
    folder: Path,
    *,
    durable: bool = True,
    options: Mapping[str, str] | None = None,
    kept: Callable[[str], Kept] | None = None,
) -> Iterator[System]:
    """Postgres, Redis, DynamoDB, SQS and SES, with the schema, the tables and the queue.

    Logs are in `folder`. `kept` returns where the server of a name keeps its data; without it, each system begins
    empty. `durable=False` is for tests: Postgres and Redis do not wait for the disk. Raise NotifierError if a server
    does not start.
    """
    homes = {name: kept(name) if kept else None for name in ("postgres", "redis", "aws", "ses")}
    with ExitStack() as stack, ThreadPoolExecutor(4) as side_by_side:  # starting is mostly waiting
        submit, enter = side_by_side.submit, stack.enter_context
        postgres = submit(enter, embedded_postgres(folder, durable=durable, kept=homes["postgres"]))
        redis = submit(enter, embedded_redis(folder, durable=durable, kept=homes["redis"]))
        aws = enter(ministack(folder, kept=homes["aws"]))
        ses = submit(enter, ses_simulator(folder, "--queue-url", _queue_url(aws), kept=homes["ses"]))
        servers = (postgres.result(), redis.result(), aws, ses.result())
        allowed = {} if durable else {"NOTIFIER_ALLOW_NONDURABLE_DATABASE": "true"}
        system = System(folder, *servers, stack.enter_context(ExitStack()), {**allowed, **(options or {})})
        create_events_queue(system.settings, local_session(system.settings))
        system.postgres.create_database("notifier")
        migrate(system.postgres.url("notifier"))
        for table in system.settings.tables:
            system.table(table).create()
        yield system


def local_session(settings: Settings) -> Any:
    """Return a session of the AWS SDK with credentials for the emulators: never those of the user."""
    session = aws_session(settings)
    session.set_credentials(*CREDENTIALS.values())
    return session


def _queue_url(aws: MinistackServer) -> str:
    return f"{aws.url}/{ACCOUNT}/{NAME}"


def own_options() -> dict[str, str]:
    """Return the NOTIFIER_ variables of the user's shell, without those of another system (`_NOT_TAKEN`)."""
    given = {name.upper(): value for name, value in os.environ.items() if value}  # the case of a name does not matter
    return {name: value for name, value in given.items() if name.startswith("NOTIFIER_") and name not in _NOT_TAKEN}


def check_setup(options: Mapping[str, str]) -> Routes:
    """Load the routes and check templates, settings and channels, before any server starts. Return the routes.

    Raise the NotifierError that names the mistake. The user's module sees the variables of a worker, with addresses
    at which nothing listens.
    """
    with only_environment({**clean_environment(), **_UNREACHABLE, **EXAMPLE, **options}):
        load_settings.cache_clear()
        routes, _ = checked_setup()
        load_settings.cache_clear()
        return routes


def checked_setup() -> tuple[Routes, Path]:
    """Load the routes of this process's settings, and check templates and channels.

    Return the routes and the folder of the templates. Raise the NotifierError that names the mistake.
    """
    settings = load_settings()
    routes = load_routes(settings.routes)
    templates = Templates.of(settings, routes.source)
    templates.check()
    for channel in {each for route in routes for each in route.channels}:
        load_channel(channel, settings)
    return routes, templates.folder


@contextmanager
def only_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Replace all environment variables of this process for the block."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def notifier_process(
    name: str, words: Sequence[str], folder: Path, environment: Mapping[str, str], module: str = "notifier"
) -> Child:
    """`notifier WORDS` as a process with these settings and no others. Its log is in `folder`."""
    command = [sys.executable, "-P", "-m", module, *words]  # -P: a user's email.py must not hide that of the library
    return Child(name, command, log=folder / f"{name}.log", env={**clean_environment(), **environment})


def clean_environment() -> dict[str, str]:
    """Return the variables of this process without those for AWS and Notifier, and without proxies on this machine.

    So no process of the system uses a real AWS account, or sends messages to another machine through such a proxy.
    """
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(("AWS_", "NOTIFIER_"))}
    kept = {name: value for name, value in kept.items() if not (_is_proxy(name) and _LOCAL_PROXY.search(value))}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, (kept.get(name), _LOCAL_HOSTS)))
    return kept | CREDENTIALS | {"AWS_EC2_METADATA_DISABLED": "true"}


def _is_proxy(name: str) -> bool:
    return name.lower().endswith("_proxy") and name.lower() != "no_proxy"
