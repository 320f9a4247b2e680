"""What both sides of the queue share: the Celery settings, and publishing by task name."""

from notifier.broker.configuration import TASK, celery_configuration, queue_name
from notifier.broker.queue import Queue

__all__ = ["TASK", "Queue", "celery_configuration", "queue_name"]
