"""The Celery app of the workers and of Flower: `celery -A workers.app`."""

from celery import Celery
from celery.signals import setup_logging

from notifier.broker import celery_configuration
from notifier.settings import load_settings
from notifier.telemetry import configure_logging
from workers.tasks import register

app = Celery("notifier")
app.conf.update(celery_configuration(load_settings().broker_url.get_secret_value()))
register(app)


@setup_logging.connect  # type: ignore[untyped-decorator]
def _our_logging(**_: object) -> None:
    configure_logging(load_settings(), process="worker")
