"""The boto3 client of a process: one request per call, never a retry, and no connection that has gone stale."""

import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from notifier.errors import SettingsError
from notifier.process.clock import boottime
from notifier.send_pool import timeouts
from notifier.settings import Settings

FRESH_SECONDS = 20.0
"""After this time a new client takes over, with new connections: 2 ms. A request on a connection that the peer has
dropped for being idle would look like a lost answer."""


class AwsClient:
    """Makes clients of one API of AWS. Safe to share between threads; makes none before the first is asked for."""

    def __init__(
        self,
        api: str,
        endpoint: str | None,
        settings: Settings,
        connections: int,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self._api = api
        self._endpoint = endpoint
        self._session = _session(settings)
        self._config = _config(settings.send_lease_seconds, connections)
        self._clock = clock
        self._lock = threading.Lock()
        self._made_at = 0.0
        self._current: Any = None
        self._retired: Any = None
        self._credentials: Any = None

    def ready(self) -> Any:
        """A client with fresh connections and valid credentials. Whatever it raises, nothing was sent."""
        with self._lock:
            if self._current is None or self._clock() - self._made_at > FRESH_SECONDS:
                self._renew()
            client, credentials = self._current, self._credentials
        if credentials is not None:
            # Here and not within the request, where a refresh that hangs would look like a lost answer.
            credentials.get_frozen_credentials()
        return client

    def close(self) -> None:
        with self._lock:
            for client in (self._retired, self._current):
                if client is not None:
                    client.close()
            self._retired = self._current = None

    def _renew(self) -> None:
        if self._retired is not None:
            self._retired.close()
        # The one that is replaced may still be in use: it is closed at the next renewal.
        self._retired, self._current = (
            self._current,
            self._session.client(self._api, endpoint_url=self._endpoint, config=self._config),
        )
        self._credentials = self._session.get_credentials()
        self._made_at = self._clock()


def _session(settings: Settings) -> Any:
    try:
        session = boto3.Session(region_name=settings.aws_region or None)
    except BotoCoreError as error:
        raise SettingsError(f"the AWS SDK cannot be set up: {error}") from None
    if not session.region_name:
        raise SettingsError("no AWS region is set: set NOTIFIER_AWS_REGION or AWS_DEFAULT_REGION")
    return session


def _config(lease: float, connections: int) -> Config:
    connect, answer = timeouts(lease)
    return Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=connect,
        read_timeout=answer,
        max_pool_connections=connections,
        tcp_keepalive=True,
        parameter_validation=False,
    )
