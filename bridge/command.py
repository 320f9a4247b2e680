"""`notifier bridge`: runs one bridge until SIGTERM or SIGINT."""

from collections.abc import Callable

from bridge.wiring import wired
from notifier.health.heartbeat import Heartbeat
from notifier.process.garbage import collect_rarely
from notifier.process.stop_signals import stop_on_signals
from notifier.settings import load_settings
from notifier.telemetry import configure_logging, warn_of_unknown_variables


def bridge() -> None:
    """Read the tables' streams, record every event, publish it; relay what is due. Run as many as you like."""
    run()


def run(before_start: Callable[[], None] = lambda: None) -> None:
    """Run a bridge. `before_start` is called when all is checked, before anything listens or reads."""
    settings = load_settings()
    configure_logging(settings, process="bridge")
    warn_of_unknown_variables()
    Heartbeat("bridge").checked()
    with wired(settings, before_start) as ready:
        collect_rarely()
        stop_on_signals(ready.stop)
        ready.run()
