"""Calls of a service of AWS that speaks JSON, by its clients' own connections."""

import threading
import weakref
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError

from notifier.aws import AwsError, NoCredentials
from notifier.aws_http.connections import Connections, NotConnected
from notifier.aws_http.endpoint import Endpoint, address_of
from notifier.errors import SettingsError, Unreachable

_OK = 200


class JsonCalls:
    """Calls that are made many times a second: by the SDK one takes three times the CPU. Thread-safe.

    The address, the timeouts, the credentials and their renewal, and the errors are those of the SDK.
    One request for each call, never a retry: for calls that may be repeated.

        session = aws_session(settings)
        client = aws_client("dynamodbstreams", settings, session=session, ...)
        calls = JsonCalls(client, session, "get_records", ShardIterator="-")
        body = calls.call("GetRecords", b'{"ShardIterator": "..."}')
    """

    def __init__(self, client: Any, session: Any, method: str, **parameters: str) -> None:
        """`client` is one of `aws_client`, of that session. Calls go where it sends those of that method with these
        parameters. Raise SettingsError for an address, a file of certificates or a proxy that cannot be used.
        """
        meta = client.meta.service_model.metadata
        self._prefix = meta["targetPrefix"]
        self._content = f"application/x-amz-json-{meta['jsonVersion']}"
        self._session = session
        self._lock = threading.Lock()
        try:
            address = address_of(client, method, **parameters)
            self._endpoint = Endpoint.of(client, session.get_config_variable("ca_bundle"), address)
        except (BotoCoreError, OSError) as error:
            raise SettingsError(f"the AWS SDK cannot be set up: {error}") from None
        self._where = self._endpoint.peer.url.geturl()
        self._path = address.removeprefix(self._where) if urlsplit(address).path else "/"
        self._connections = Connections(self._endpoint.peer)
        weakref.finalize(self, self._connections.close)  # as a client of the SDK does

    def call(self, operation: str, body: bytes) -> bytes:
        """Return the body of the answer. Raise AwsError for one that is an error, NoCredentials, what the SDK raises
        for credentials that it cannot get, SettingsError for those that cannot be used, and Unreachable if there is
        no answer.
        """
        try:
            request = self._request(operation, body)
        except ValueError as error:
            raise SettingsError(str(error)) from None
        try:
            connection = self._connections.take()
            try:
                answer = connection.exchange(request)
            finally:
                self._connections.give_back(connection)
        except (NotConnected, OSError, HTTPException) as error:
            said = f"{type(error).__name__}: {error}"
            raise Unreachable(
                f"no answer from {self._where}: {said}. Is the endpoint right and reachable?"
            ) from error
        if answer.status != _OK:
            raise AwsError.of_answer(operation, answer.status, answer.headers, answer.body)
        return answer.body

    def _request(self, operation: str, body: bytes) -> bytes:
        headers = {"Content-Type": self._content, "X-Amz-Target": f"{self._prefix}.{operation}"}
        return self._endpoint.request(self._path, body, self._credentials(), headers)

    def _credentials(self) -> Any:
        with self._lock:
            found = self._session.get_credentials()
        if found is None:
            raise NoCredentials
        try:
            return found.get_frozen_credentials()
        except RuntimeError as error:  # those that came have expired already, by the clock of this machine
            raise Unreachable(f"no AWS credentials: {error}") from None
