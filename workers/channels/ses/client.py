"""The client of SES: credentials and errors of the AWS SDK, without the SDK's own layers for each call.

One request per call, never a retry.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from notifier.aws import AwsError, NoCredentials, aws_client, aws_session
from notifier.aws_http.connections import Connections, HttpResponse
from notifier.aws_http.endpoint import Endpoint
from notifier.messages import TOO_LATE
from notifier.process.clock import boottime
from notifier.settings import Settings
from workers.channels.aws.failures import TooLate

PATHS = {"SendEmail": "/v2/email/outbound-emails", "SendBulkEmail": "/v2/email/outbound-bulk-emails"}


class SesClient:
    """Makes requests to SES. Thread-safe. Opens no connection, and the SDK loads no model, before the first `ready`.

    Example:
        client = SesClient(settings)
        client.ready()
        request = client.request("SendEmail", body)
        answer = client.ask("SendEmail", request, deadline)
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = boottime) -> None:
        """Raise SettingsError if there is no AWS Region."""
        self.connect_timeout, self.read_timeout = _timeouts(settings.send_lease_seconds)
        self._settings = settings
        self._session = aws_session(settings)
        self._clock = clock
        self._lock = threading.Lock()
        self._sdk: Any = None
        self._credentials: Any = None
        self._endpoint: Endpoint
        self._connections: Connections

    def ready(self) -> None:
        """Prepare what a request needs and what may fail or take long. If it raises, nothing was sent."""
        with self._lock:
            if self._sdk is None:
                self._prepare()
            if self._credentials is None:
                self._credentials = self._session.get_credentials()
        if self._credentials is None:
            raise NoCredentials
        self._credentials.get_frozen_credentials()

    def account(self) -> Mapping[str, Any]:
        """Return the answer of GetAccount. Raise what the SDK raises."""
        self.ready()
        answer: Mapping[str, Any] = self._sdk.get_account()
        return answer

    def request(self, operation: str, body: bytes) -> bytes:
        """Return a signed request, ready to be written. Call `ready` before. If it raises, nothing was sent.

        Expired credentials are refreshed here and not within the request, where a refresh that hangs would look like
        a lost answer.
        """
        return self._endpoint.request(PATHS[operation], body, self._credentials.get_frozen_credentials())

    def ask(self, operation: str, request: bytes, deadline: float) -> Mapping[str, Any]:
        """Write the request once and return the answer, decoded. `deadline` is a time of the clock.

        Raise NotConnected or TooLate if nothing was written, and AwsError for an answer that is an error. After any
        other exception the request may have been accepted.
        """
        self._check(deadline)
        connection = self._connections.take()
        try:
            self._check(deadline)
            answer = connection.exchange(request)
        finally:
            self._connections.give_back(connection)
        return _decoded(operation, answer)

    def close(self) -> None:
        with self._lock:
            if self._sdk is not None:
                self._sdk.close()
                self._connections.close()

    def _check(self, deadline: float) -> None:
        if self._clock() >= deadline:
            raise TooLate(TOO_LATE)

    def _prepare(self) -> None:
        sdk = aws_client(
            "sesv2",
            self._settings,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            session=self._session,
        )
        self._endpoint = Endpoint.of(sdk, self._session.get_config_variable("ca_bundle"))
        self._connections = Connections(self._endpoint.peer, self._clock)
        self._sdk = sdk


def _timeouts(lease: float) -> tuple[float, float]:
    """Return the seconds to connect and to read. A request that starts in the first half of the lease ends within it.

    One that is still open when the lease ends could be sent twice.
    """
    return min(3.0, lease / 10), min(10.0, lease / 4)


def _decoded(operation: str, answer: HttpResponse) -> Mapping[str, Any]:
    """Return the JSON of a 2xx answer, empty if it is broken: the request was accepted. Raise AwsError for others."""
    if answer.status not in range(200, 300):
        raise AwsError.of_answer(operation, answer.status, answer.headers, answer.body)
    try:
        decoded = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return decoded if isinstance(decoded, dict) else {}
