"""`notifier worker`: one worker process for a channel.

Imports stand in the functions: `notifier --help` loads this module, and is to start fast.
"""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from notifier.templates import Templates


def worker(
    channels: Annotated[list[str], typer.Argument(help="The channels to send on.")],
    concurrency: Annotated[int, typer.Option(help="Units in progress at once.", min=1)] = 4,
    name: Annotated[
        str, typer.Option(help="In Flower; %h is the host. A second worker of a host needs its own.")
    ] = "",
) -> None:
    """Send the notifications of a channel. Run as many as you like: `notifier worker email`."""
    from notifier.settings import load_settings
    from notifier.telemetry import configure_logging, warn_of_unknown_variables

    settings = load_settings()
    configure_logging(settings, process="worker")  # before Celery logs anything
    warn_of_unknown_variables()
    check(channels)
    queues = ",".join(_queues(channels))
    # Threads, because a unit waits for the network, and this pool finishes what is in progress when it is stopped.
    options = [
        "-l",
        settings.log_level,
        "--pool",
        "threads",
        "--concurrency",
        str(concurrency),
        "--without-gossip",
        "--without-mingle",
    ]
    from notifier.metrics import offered
    from notifier.process.garbage import collect_rarely
    from workers.app import run
    from workers.wiring import stop

    collect_rarely()

    arguments = ["-A", "workers.app", "--quiet", "worker", "-Q", queues, "-n", name or f"{'-'.join(channels)}@%h"]
    with offered(settings.metrics_port, settings.metrics_address):
        code = max(run([*arguments, *options]), stop().exit_code)
    raise typer.Exit(code)


def check(channels: list[str]) -> None:
    """Check everything that a worker needs, before Celery starts. Raise the NotifierError of what is missing."""
    from notifier.broker import WORKING, Queue
    from notifier.channels import check_channel, load_channel, warn_of_silence
    from notifier.database.schema import check_schema
    from notifier.database.server import check_durable
    from notifier.health import Heartbeat
    from notifier.settings import load_settings
    from workers.wiring import engine, routes, templates

    settings = load_settings()
    Heartbeat("worker").checked()
    for channel in channels:
        check_channel(channel, settings)
        load_channel(channel, settings)
    warn_of_silence(channels, settings)
    _check_templates(templates(settings, routes()))
    check_schema(engine())
    check_durable(engine(), allowed=settings.allow_nondurable_database)
    queue = Queue(settings.broker_url.get_secret_value())
    queue.check(WORKING)
    queue.close()


def _check_templates(templates: "Templates") -> None:
    """Raise TemplateError for a broken template; log a warning for what is probably a mistake."""
    import structlog

    from notifier.channels import channel_names

    templates.check()
    for remark in templates.remarks(channel_names()):
        structlog.get_logger(__name__).warning("a template may be wrong", folder=str(templates.folder), remark=remark)


def _queues(channels: list[str]) -> list[str]:
    from notifier.broker import queue_name

    return [queue_name(channel) for channel in channels]
