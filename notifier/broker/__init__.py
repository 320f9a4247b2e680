"""The broker between bridge and workers: the Celery settings of both, and publishing by task name."""

from notifier.broker.configuration import TASK, celery_configuration, channel_of, queue_name, queue_shares
from notifier.broker.queue import BrokerError, BrokerRefused, Queue
from notifier.broker.rights import WORKING

__all__ = [
    "TASK",
    "WORKING",
    "BrokerError",
    "BrokerRefused",
    "Queue",
    "celery_configuration",
    "channel_of",
    "queue_name",
    "queue_shares",
]
