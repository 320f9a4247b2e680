"""Notifier as a candidate: bridges and workers as users start them, with default settings."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from bench.measure.servers import REGION, Servers
from bench.measure.trial import Processes
from notifier.database.schema import migrate
from sandbox.embedded.processes import Child
from sandbox.system import EXAMPLE, notifier_process


@contextmanager
def notifier(
    servers: Servers,
    database: str,
    *,
    bridges: int = 1,
    workers: int = 1,
    settings: Mapping[str, str] | None = None,
    module: str = "notifier",
) -> Iterator[Processes]:
    """`settings` are environment variables beside those with the addresses of the servers. `module` is what runs as
    the command `notifier`.
    """
    migrate(database)
    environment = {**bench_environment(servers, database), **(settings or {})}
    with ExitStack() as stack:

        def start(name: str, *words: str) -> Child:
            return stack.enter_context(notifier_process(name, words, servers.folder, environment, module))

        yield {
            "bridge": [start(f"bridge-{n}", "bridge") for n in range(bridges)],
            "worker": [start(f"worker-{n}", "worker", "email", "--name", f"{n}@%h") for n in range(workers)],
        }


def bench_environment(servers: Servers, database: str) -> dict[str, str]:
    """The environment variables of a process of Notifier that uses these servers."""
    return {
        "NOTIFIER_DATABASE_URL": database,
        "NOTIFIER_ALLOW_NONDURABLE_DATABASE": str(not servers.durable).lower(),
        "NOTIFIER_BROKER_URL": servers.broker.url,
        "NOTIFIER_AWS_ENDPOINT_URL": servers.streams.url,
        "NOTIFIER_AWS_SES_ENDPOINT_URL": servers.ses.url,
        "NOTIFIER_AWS_REGION": REGION,
        "NOTIFIER_HEARTBEAT_FOLDER": str(servers.folder),
        **EXAMPLE,
    }
