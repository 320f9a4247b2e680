"""`notifier feedback`: runs receivers until SIGTERM or SIGINT."""

from typing import Annotated

import typer

from bridge.feedback.wiring import open_receivers
from notifier.process.stop_signals import stop_on_signals
from notifier.settings import load_settings
from notifier.telemetry import configure_logging, warn_of_unknown_variables


def feedback(
    concurrency: Annotated[int, typer.Option(help="Batches in progress at once.", min=1, max=64)] = 2,
) -> None:
    """Read the events of SES and of AWS End User Messaging from SQS, and settle what they prove.

    Run as many as you like.
    """
    settings = load_settings()
    configure_logging(settings, process="feedback")
    warn_of_unknown_variables()
    with open_receivers(settings, concurrency) as ready:
        stop_on_signals(ready.stop)
        ready.run()
