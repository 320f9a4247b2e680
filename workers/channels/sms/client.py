"""The client of the service that sends SMS: one request per call, never a retry, and no connection that the server
may have dropped.
"""

import threading
from collections.abc import Callable
from typing import Any

from notifier.aws import Service, aws_client, aws_session
from notifier.process.clock import boottime
from notifier.send_pool import timeouts
from notifier.settings import Settings

FRESH_SECONDS = 20.0
"""After this time a new client of the SDK takes over, with new connections: 2 ms. A server closes a connection that
has been idle for long, and a request that is written on it then looks like one whose answer was lost."""


class SmsClient:
    """Makes clients of the AWS SDK for one service. Thread-safe; makes none before the first is asked for."""

    def __init__(
        self, settings: Settings, connections: int, clock: Callable[[], float] = boottime, service: Service = "sns"
    ) -> None:
        """Raise SettingsError if there is no AWS Region."""
        self._settings = settings
        self._service = service
        self._session = aws_session(settings)
        self._connections = connections
        self._clock = clock
        self._lock = threading.Lock()
        self._made_at = 0.0
        self._current: Any = None
        self._retired: Any = None
        self._credentials: Any = None

    def ready(self) -> Any:
        """Return the SDK's client, with fresh connections and valid credentials. If it raises, nothing was sent."""
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
        connect, answer = timeouts(self._settings.send_lease_seconds)
        made = aws_client(
            self._service,
            self._settings,
            connect_timeout=connect,
            read_timeout=answer,
            connections=self._connections,
            validate=False,
            session=self._session,
        )
        # The replaced client may still be in use: it is closed at the next renewal.
        self._retired, self._current = self._current, made
        self._credentials = self._session.get_credentials()
        self._made_at = self._clock()
