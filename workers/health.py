"""What a worker serves over HTTP: its metrics, whether it makes progress, and whether it can work."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from notifier.health.conditions import Condition, ProcessHealth
from notifier.health.questions import asking, broker_question, database_question
from notifier.health.server import serving
from notifier.settings import Settings
from workers.metrics.gauges import WorkerGauges
from workers.process.database_retry import WRITE_HEALTH
from workers.wiring import channels_made, heartbeat, in_progress, main_loop, stop


@contextmanager
def serving_health(settings: Settings, channels: Sequence[str]) -> Iterator[None]:
    """Serve them during the block, if NOTIFIER_METRICS_PORT is set."""
    questions = [
        database_question(settings.database_url.get_secret_value(), "notifier worker checks"),
        broker_question(settings.broker_url.get_secret_value(), channels[0]),
    ]
    with asking(questions, wanted=bool(settings.metrics_port)) as servers:
        health = ProcessHealth(
            "worker",
            heartbeat(),
            stop().is_set,
            alive=[Condition("progress", main_loop().progress_trouble)],
            ready=[
                *servers,
                Condition("consumer", main_loop().consumer_trouble),
                Condition("recording", WRITE_HEALTH.trouble),
            ],
        )
        gauges = WorkerGauges(in_progress(), channels_made)
        with serving(settings.metrics_port, settings.metrics_address, health, [gauges]):
            yield
