"""`notifier feedback`: wires the receivers and runs them until they are told to stop."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bridge.feedback.certificates import Fetch
    from bridge.feedback.envelope import MessageParser
    from bridge.feedback.receivers import Receivers
    from notifier.settings import Settings

CHANNEL = "email"
_AGAIN_SECONDS = 2.0
_MATCH_SECONDS = 2.0


def feedback(
    concurrency: Annotated[int, typer.Option(help="Batches under way at once.", min=1, max=64)] = 2,
) -> None:
    """Read SES's events from SQS and settle what they prove. Run as many as you like."""
    from notifier.settings import load_settings
    from notifier.telemetry import configure_logging, warn_of_unknown_variables

    settings = load_settings()
    configure_logging(settings, process="feedback")
    warn_of_unknown_variables()
    with wired(settings, concurrency) as ready:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: ready.stop())
        ready.run()


@contextmanager
def wired(settings: "Settings", concurrency: int) -> "Iterator[Receivers]":
    """Receivers that have everything they need. Raises the NotifierError that names what is missing."""
    from bridge.feedback.certificates import fetch
    from bridge.feedback.flow import Flow
    from bridge.feedback.queue import FeedbackQueue
    from bridge.feedback.receiver import Receiver
    from bridge.feedback.receivers import Receivers
    from bridge.feedback.recent import RecentlySettled
    from bridge.loops import Loop, NextIn
    from notifier.channels import warn_of_silence
    from notifier.database.engine import connect, on_connect
    from notifier.database.schema import check_schema
    from notifier.database.server import check_durable, server_of
    from notifier.health import Heartbeat
    from notifier.outbox import RateLimits, Settlement

    actor = f"feedback {socket.gethostname()}:{os.getpid()}"
    warn_of_silence([CHANNEL], settings)
    heartbeat = Heartbeat("feedback").checked()
    parser = message_parser(settings, fetch)
    queue = FeedbackQueue(settings, connections=concurrency)
    engine = connect(
        settings.database_url.get_secret_value(), pool_size=concurrency + 2, application="notifier feedback"
    )
    limits = RateLimits(settings.bounce_rate_limit, settings.complaint_rate_limit)
    settlement = Settlement(engine, channel=CHANNEL, actor=actor, limits=limits)
    recent = RecentlySettled(settlement, partial(server_of, engine))
    on_connect(engine, recent.connected)
    flow = Flow(queue)
    try:
        check_schema(engine)
        check_durable(engine, allowed=settings.allow_nondurable_database)
        queue.check()
        yield Receivers(
            [Receiver(queue, parser, recent, flow) for _ in range(concurrency)],
            heartbeat,
            others=(
                Loop("settle again", _AGAIN_SECONDS, recent.settle_again),
                Loop("match again", _MATCH_SECONDS, lambda: NextIn(0.0) if recent.match_again() else None),
            ),
            trouble=recent.recording.trouble,
        )
    finally:
        queue.close()
        engine.dispose()


def message_parser(settings: "Settings", fetch: "Fetch") -> "MessageParser":
    """Believes what the settings say. Raises SettingsError."""
    from bridge.feedback.certificates import Certificates
    from bridge.feedback.envelope import MessageParser
    from bridge.feedback.sns_signature import SignatureVerifier
    from bridge.feedback.topic import Topic

    if not settings.feedback_topic_arn:
        return MessageParser(None)
    topic = Topic.of(settings.feedback_topic_arn)
    return MessageParser(SignatureVerifier(topic, Certificates(topic, fetch)))
