"""`notifier worker`: one worker process for its channels."""

from typing import Annotated

import structlog
import typer

from notifier.broker import WORKING, Broker, queue_name
from notifier.channels import channel_names, check_channel, load_channel, warn_of_silence
from notifier.database.schema import check_schema
from notifier.database.server import check_durable
from notifier.lanes import Lane, queue_of
from notifier.process.garbage import collect_rarely
from notifier.process.restrictions import warn_of_restrictions
from notifier.routes.loading import load_routes
from notifier.settings import load_settings
from notifier.telemetry import configure_logging, warn_of_unknown_variables
from notifier.templates import Templates
from notifier.unsubscribe import UnsubscribeLinks
from notifier.unsubscribe.routes import mails_about_a_topic
from workers.building.recipients import Recipients
from workers.health import serving_health
from workers.wiring import engine, heartbeat, routes, stop, tracing


def worker(
    channels: Annotated[list[str], typer.Argument(help="The channels to send on.")],
    lane: Annotated[
        list[Lane] | None, typer.Option(help="Serve this lane alone; may be repeated. Without it: all lanes.")
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Units in progress at once.", min=1)] = 4,
    name: Annotated[
        str, typer.Option(help="Its name in Flower; %h is the host. A second worker of a host needs another one.")
    ] = "",
) -> None:
    """Send the notifications of a channel. Run as many as you like: `notifier worker email`.

    A worker serves all lanes of its channels, or some: `notifier worker email --lane high`. Then others must serve
    the rest.
    """
    settings = load_settings()
    configure_logging(settings, process="worker")  # before Celery logs anything
    warn_of_unknown_variables()
    check(channels)
    # Only here: it configures Celery from the settings, whose errors are reported above.
    from workers.app import run, serve

    collect_rarely()
    queues = [queue_of(channel, each) for each in Lane if each in (lane or Lane) for channel in channels]
    serve(queues, channels)
    # Threads, because a unit waits for the network, and this pool finishes what is in progress when it is stopped.
    pool = ["--pool", "threads", "--concurrency", str(concurrency), "--without-gossip", "--without-mingle"]
    called = name or f"{'-'.join([*channels, *(lane or ())])}@%h"
    arguments = ["-A", "workers.app", "--quiet", "worker", "-Q", ",".join(map(queue_name, queues)), "-n", called]
    traced = tracing()
    with serving_health(settings, channels):
        code = max(run([*arguments, "-l", settings.log_level, *pool]), stop().exit_code)
    if traced:
        traced.close()
    raise typer.Exit(code)


def check(channels: list[str]) -> None:
    """Check everything that a worker needs, before Celery starts. Raise the NotifierError of what is missing."""
    settings = load_settings()
    heartbeat().checked()
    for channel in channels:
        check_channel(channel, settings)
        load_channel(channel, settings)
        Recipients.of(settings, channel)
    warn_of_silence(channels, settings)
    loaded = load_routes(settings.routes)
    warn_of_restrictions(settings, (each for each in loaded if not set(channels).isdisjoint(each.channels)))
    _check_templates(Templates.of(settings, routes().source))
    if UnsubscribeLinks.of(settings) is None:
        _warn_of_topics(channels)
    check_schema(engine())
    check_durable(engine(), allowed=settings.allow_nondurable_database)
    broker = Broker(settings.broker_url.get_secret_value())
    broker.check(WORKING)
    broker.close()


def _warn_of_topics(channels: list[str]) -> None:
    """Log a warning for mails about a topic: without links their recipients can only complain."""
    found = mails_about_a_topic(route for route in routes() if not set(channels).isdisjoint(route.channels))
    if found:
        structlog.get_logger(__name__).warning(
            "mails about a topic have no link to unsubscribe: NOTIFIER_UNSUBSCRIBE_URL is not set",
            routes=found,
            see="docs/unsubscribe.md",
        )


def _check_templates(templates: Templates) -> None:
    """Raise TemplateError for a broken template; log a warning for what is probably a mistake."""
    templates.check()
    for remark in templates.remarks(channel_names()):
        structlog.get_logger(__name__).warning("a template may be wrong", folder=str(templates.folder), remark=remark)
