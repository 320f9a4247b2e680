"""The broker between bridge and workers: the Celery settings of both, and publishing by task name."""

from notifier.broker.broker import Broker, BrokerError, BrokerRefused
from notifier.broker.configuration import TASK, celery_configuration, channel_of, queue_name, queue_shares
from notifier.broker.rights import WORKING

__all__ = [
    "TASK",
    "WORKING",
    "Broker",
    "BrokerError",
    "BrokerRefused",
    "celery_configuration",
    "channel_of",
    "queue_name",
    "queue_shares",
]
