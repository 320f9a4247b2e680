"""Celery's settings for delivery at least once on Redis, each with the failure that it prevents."""

from collections.abc import Sequence
from typing import Any

from notifier.broker.client import sentinel_options
from notifier.broker.url import BrokerUrl
from notifier.lanes import SHARES, Lane, parts_of
from notifier.settings import default

TASK = "notifier.deliver"
_PREFIX = "notifier."
_SENTINEL_SECONDS = 2.0


def queue_name(queue: str) -> str:
    """Return the name that a queue has in the broker: `notifier.email`, or `notifier.email:low`."""
    return f"{_PREFIX}{queue}"


def channel_of(name: str) -> str:
    """Return the channel of a queue, by its name in the broker."""
    return parts_of(name.removeprefix(_PREFIX))[0]


def queue_shares(queues: Sequence[str]) -> list[dict[str, Any]]:
    """Return how the lanes of a worker's `queues` share it, for `celery_units.shares`; nothing for one lane alone."""
    names = {lane: [queue_name(each) for each in queues if parts_of(each)[1] is lane] for lane in Lane}
    groups: list[dict[str, Any]] = [
        {"queues": names[lane], "weight": share.weight, "most": share.most}
        for lane, share in SHARES.items()
        if names[lane]
    ]
    if groups:  # a worker that does not serve the lanes above them would never use the part kept for these
        groups[0]["most"] = 1.0
    return groups if len(groups) > 1 else []


def celery_configuration(
    broker_url: str,
    visibility_seconds: int = default("visibility_seconds"),
    unit_size: int = default("unit_size"),
) -> dict[str, Any]:
    """Return the settings of bridge and worker. Raise SettingsError for a malformed URL.

    Args:
        broker_url: As NOTIFIER_BROKER_URL has it.
        visibility_seconds: After this an unacknowledged message is given to another worker, unless its own renews it:
            one that lives does, for ten times as long. If the first one is still working on it, the database refuses
            the second attempt.
        unit_size: How many messages a worker reserves for each thread of its pool.
    """
    url = BrokerUrl.of(broker_url)
    return {
        "broker_url": url.kombu,
        "broker_use_ssl": False if url.tls is None else dict(url.tls),
        "result_backend": None,  # Postgres has the result
        "task_ignore_result": True,
        "task_acks_late": True,  # a worker that dies gives its messages back
        "task_reject_on_worker_lost": True,  # also when only a child dies
        "task_acks_on_failure": True,  # the row holds the failure; a rejected message would be dropped
        "task_acks_on_timeout": True,
        "task_send_sent_event": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_protocol": 2,
        "worker_prefetch_multiplier": unit_size,
        "worker_enable_prefetch_count_reduction": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,  # the database refuses the second attempt
        "worker_soft_shutdown_timeout": 25.0,  # attempts in progress end before the process does
        "worker_enable_soft_shutdown_on_idle": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # a worker waits for its broker without end
        "broker_channel_error_retry": True,  # also when Redis refuses a command: a replica, a full memory
        "worker_detect_quorum_queues": False,  # RabbitMQ only
        "worker_send_task_events": True,  # Flower
        "broker_transport_options": _transport_options(url, visibility_seconds),
    }


def _transport_options(url: BrokerUrl, visibility_seconds: int) -> dict[str, Any]:
    return {
        "visibility_timeout": visibility_seconds,
        "unacked_restore_interval": max(1, min(5, visibility_seconds // 10)),
        "unacked_restore_throttle": 1,
        "unacked_restore_limit": 500,  # a long list of lost messages must not block the worker
        "socket_timeout": 10,  # without it an ack to a dead peer hangs for ever
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "priority_steps": [0],
        "body_encoding": "utf-8",
        **url.options,
        **_sentinel(url),
    }


def _sentinel(url: BrokerUrl) -> dict[str, Any]:
    if not url.master:
        return {}
    return {"master_name": url.master, "sentinel_kwargs": sentinel_options(url, _SENTINEL_SECONDS)}
