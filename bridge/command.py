"""`notifier bridge`: runs one bridge until SIGTERM or SIGINT."""

import signal

from bridge.wiring import wired
from notifier.health import Heartbeat
from notifier.process.garbage import collect_rarely
from notifier.settings import load_settings
from notifier.telemetry import configure_logging, warn_of_unknown_variables

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def bridge() -> None:
    """Read the tables' streams, record every event, publish it; relay what is due. Run as many as you like."""
    settings = load_settings()
    configure_logging(settings, process="bridge")
    warn_of_unknown_variables()
    Heartbeat("bridge").checked()
    with wired(settings) as ready:
        collect_rarely()

        def stop(*_: object) -> None:
            # A second signal must not call `stop` within itself: the lock of its Event would never be free again.
            for each in _SIGNALS:
                signal.signal(each, signal.SIG_IGN)
            ready.stop()

        for each in _SIGNALS:
            signal.signal(each, stop)
        ready.run()
