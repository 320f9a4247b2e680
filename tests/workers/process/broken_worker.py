"""`notifier worker email` with a fault, which the first argument names."""

import sys
import threading

import notifier.health.beats
import notifier.health.heartbeat
from notifier.settings import load_settings

HOW = sys.argv.pop(1)
if HOW == "hang":
    notifier.health.heartbeat.BEAT_SECONDS = 0.1
    notifier.health.beats.STALE_SECONDS = 3.0

from notifier.cli import main  # noqa: E402  it imports these numbers


def break_down() -> None:
    from celery.exceptions import WorkerTerminate
    from celery.signals import worker_ready

    from celery_units.consumer import Consumer
    from workers.wiring import stop

    def start(_: Consumer) -> None:
        match HOW:
            case "error":
                raise RuntimeError("a mistake in the consumer")
            case "terminate":
                raise WorkerTerminate(1)
            case "exit":
                raise SystemExit(3)

    if HOW in {"error", "terminate", "exit"}:
        Consumer.start = start  # type: ignore[method-assign]
    elif HOW == "hang":
        worker_ready.connect(lambda **_: threading.Event().wait(), weak=False)
    elif HOW == "leave":
        worker_ready.connect(lambda **_: stop().leave(), weak=False)


load_settings()
break_down()
main()
