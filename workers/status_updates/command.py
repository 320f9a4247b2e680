"""`notifier status-sender`: sends status updates until SIGTERM or SIGINT."""

from notifier.process.stop_signals import stop_on_signals
from notifier.settings import load_settings
from notifier.telemetry import configure_logging, warn_of_unknown_variables
from workers.status_updates.wiring import open_senders


def status_sender() -> None:
    """Send status updates, which tell the product the status of notifications. Run as many as you like."""
    settings = load_settings()
    configure_logging(settings, process="status-sender")
    warn_of_unknown_variables()
    with open_senders(settings) as ready:
        stop_on_signals(ready.stop)
        ready.run()
