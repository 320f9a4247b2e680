"""Builds the receivers of `notifier feedback` from the settings, after it has checked what they depend on."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bridge.feedback.certificates import Certificates, fetch
from bridge.feedback.counters import MeasuredSettler
from bridge.feedback.envelope import MessageParser
from bridge.feedback.flow import Flow
from bridge.feedback.queue import FeedbackQueue
from bridge.feedback.receiver import Receiver
from bridge.feedback.receivers import Receivers
from bridge.feedback.recent import RecentlySettled, Settler
from bridge.feedback.sns_signature import SignatureVerifier
from bridge.feedback.topic import Topic
from bridge.tracing.settling import TracedParser, TracedSettler
from notifier.channels import warn_of_silence
from notifier.database.engine import Engine, connect, on_connect
from notifier.database.schema import check_schema
from notifier.database.server import check_durable, server_of
from notifier.health.conditions import Condition, ProcessHealth
from notifier.health.heartbeat import Heartbeat
from notifier.health.questions import asking, database_question
from notifier.health.server import serving
from notifier.outbox import RateLimits, Settlement
from notifier.process.loops import Loop, NextIn
from notifier.settings import Settings
from notifier.tracing.starting import tracing_of
from notifier.tracing.tracing import Tracing

CHANNEL = "email"
OTHERS = ("sms",)
"""Channels whose events may come through the same queue."""
_AGAIN_SECONDS = 2.0
_MATCH_SECONDS = 2.0


@contextmanager
def open_receivers(settings: Settings, concurrency: int) -> Iterator[Receivers]:
    """Give receivers that are ready to run, `concurrency` of them, and close their connections afterwards.

    Raise the NotifierError that names what is missing: a setting, the schema, the queue.
    """
    warn_of_silence([CHANNEL], settings)
    heartbeat = Heartbeat("feedback").checked()
    tracing = tracing_of(settings, "feedback")
    parser = message_parser(settings, tracing)
    queue = FeedbackQueue(settings, connections=concurrency)
    engine = connect(
        settings.database_url.get_secret_value(), pool_size=concurrency + 2, application="notifier feedback"
    )
    recent = _recently_settled(settings, engine)
    try:
        check_schema(engine)
        check_durable(engine, allowed=settings.allow_nondurable_database)
        queue.check()
        settler, flow = _settler(settings, recent, tracing), Flow(queue)
        receivers = Receivers(
            [Receiver(queue, parser, settler, flow) for _ in range(concurrency)],
            heartbeat,
            others=(
                Loop("settle again", _AGAIN_SECONDS, recent.settle_again),
                Loop("match again", _MATCH_SECONDS, lambda: NextIn(0.0) if recent.match_again() else None),
            ),
            trouble=recent.recording.trouble,
        )
        with _serving_health(settings, receivers, heartbeat, queue):
            yield receivers
    finally:
        if tracing:
            tracing.close()
        queue.close()
        engine.dispose()


def _recently_settled(settings: Settings, engine: Engine) -> RecentlySettled:
    """Return what settles events in the database, and settles the last of them again after a failover."""
    settlement = Settlement(
        engine,
        channel=CHANNEL,
        actor=f"feedback {socket.gethostname()}:{os.getpid()}",
        limits=RateLimits(settings.bounce_rate_limit, settings.complaint_rate_limit),
        others=OTHERS,
        configuration_set=settings.ses_configuration_set,
    )
    recent = RecentlySettled(settlement, partial(server_of, engine))
    on_connect(engine, recent.connected)
    return recent


def _settler(settings: Settings, recent: RecentlySettled, tracing: Tracing | None) -> Settler:
    """Return what receivers settle events with: `recent`, measured if metrics are served, and traced if wanted."""
    settler: Settler = MeasuredSettler(recent, CHANNEL) if settings.metrics_port else recent
    return TracedSettler(settler, tracing) if tracing else settler


@contextmanager
def _serving_health(
    settings: Settings, receivers: Receivers, heartbeat: Heartbeat, queue: FeedbackQueue
) -> Iterator[None]:
    database = database_question(settings.database_url.get_secret_value(), "notifier feedback checks")
    with asking([database], wanted=bool(settings.metrics_port)) as servers:
        health = ProcessHealth(
            "feedback",
            heartbeat,
            lambda: receivers.is_stopping,
            alive=[Condition("loops", receivers.loops_trouble)],
            ready=[
                *servers,
                Condition("queue", lambda: queue.trouble),
                Condition("recording", receivers.recording_trouble),
            ],
        )
        with serving(settings.metrics_port, settings.metrics_address, health):
            yield


def message_parser(settings: Settings, tracing: Tracing | None = None) -> MessageParser:
    """Return a parser, which checks signatures of SNS if NOTIFIER_FEEDBACK_TOPIC_ARN is set. Raise SettingsError if
    that is no topic.
    """
    verifier = None
    if settings.feedback_topic_arn:
        topic = Topic.of(settings.feedback_topic_arn)
        verifier = SignatureVerifier(topic, Certificates(topic, fetch))
    return TracedParser(verifier, tracing) if tracing else MessageParser(verifier)
