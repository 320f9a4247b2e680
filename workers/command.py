"""`notifier worker`: one worker process for its channels."""

from typing import Annotated

import structlog
import typer

from notifier.broker import WORKING, Queue, queue_name
from notifier.channels import channel_names, check_channel, load_channel, warn_of_silence
from notifier.database.schema import check_schema
from notifier.database.server import check_durable
from notifier.process.garbage import collect_rarely
from notifier.settings import load_settings
from notifier.telemetry import configure_logging, warn_of_unknown_variables
from notifier.templates import Templates
from workers.checks import serving_checks
from workers.wiring import engine, heartbeat, routes, stop, templates


def worker(
    channels: Annotated[list[str], typer.Argument(help="The channels to send on.")],
    concurrency: Annotated[int, typer.Option(help="Units in progress at once.", min=1)] = 4,
    name: Annotated[
        str, typer.Option(help="In Flower; %h is the host. A second worker of a host needs its own.")
    ] = "",
) -> None:
    """Send the notifications of a channel. Run as many as you like: `notifier worker email`."""
    settings = load_settings()
    configure_logging(settings, process="worker")  # before Celery logs anything
    warn_of_unknown_variables()
    check(channels)
    from workers.app import run  # only here: it configures Celery from the settings, whose errors are reported above

    collect_rarely()
    queues = ",".join(queue_name(channel) for channel in channels)
    # Threads, because a unit waits for the network, and this pool finishes what is in progress when it is stopped.
    pool = ["--pool", "threads", "--concurrency", str(concurrency), "--without-gossip", "--without-mingle"]
    arguments = ["-A", "workers.app", "--quiet", "worker", "-Q", queues, "-n", name or f"{'-'.join(channels)}@%h"]
    with serving_checks(settings, channels):
        code = max(run([*arguments, "-l", settings.log_level, *pool]), stop().exit_code)
    raise typer.Exit(code)


def check(channels: list[str]) -> None:
    """Check everything that a worker needs, before Celery starts. Raise the NotifierError of what is missing."""
    settings = load_settings()
    heartbeat().checked()
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


def _check_templates(templates: Templates) -> None:
    """Raise TemplateError for a broken template; log a warning for what is probably a mistake."""
    templates.check()
    for remark in templates.remarks(channel_names()):
        structlog.get_logger(__name__).warning("a template may be wrong", folder=str(templates.folder), remark=remark)
