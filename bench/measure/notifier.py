"""Notifier itself as a candidate: bridges and workers as users start them, with the settings that they come with."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from bench.measure.servers import REGION, Servers
from bench.measure.trial import Processes
from notifier.database.schema import migrate
from sandbox.embedded.processes import Child
from sandbox.system import EXAMPLE, notifier_process


@contextmanager
def notifier(
    parts: Servers, database: str, *, bridges: int = 1, workers: int = 1, settings: Mapping[str, str] | None = None
) -> Iterator[Processes]:
    """`settings` are variables over those that the parts need."""
    migrate(database)
    environment = {**bench_environment(parts, database), **(settings or {})}
    with ExitStack() as stack:

        def start(name: str, *words: str) -> Child:
            return stack.enter_context(notifier_process(name, words, parts.folder, environment))

        yield {
            "bridge": [start(f"bridge-{n}", "bridge") for n in range(bridges)],
            "worker": [start(f"worker-{n}", "worker", "email", "--name", f"{n}@%h") for n in range(workers)],
        }


def bench_environment(parts: Servers, database: str) -> dict[str, str]:
    """The variables of a process of Notifier's on these parts."""
    return {
        "NOTIFIER_DATABASE_URL": database,
        "NOTIFIER_ALLOW_NONDURABLE_DATABASE": str(not parts.durable).lower(),
        "NOTIFIER_BROKER_URL": parts.broker.url,
        "NOTIFIER_AWS_ENDPOINT_URL": parts.streams.url,
        "NOTIFIER_AWS_SES_ENDPOINT_URL": parts.ses.url,
        "NOTIFIER_AWS_REGION": REGION,
        "NOTIFIER_HEARTBEAT_FOLDER": str(parts.folder),
        **EXAMPLE,
    }
