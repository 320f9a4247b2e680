"""The access token for FCM, by google-auth: a key file of a service account, or any other credentials of Google."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx

from notifier.errors import SettingsError

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


class Credentials:
    """Gives access tokens. Thread-safe; makes no request before the first is asked for."""

    def __init__(self, timeout: float, *, scope: str = SCOPE) -> None:
        """Load the credentials that GOOGLE_APPLICATION_CREDENTIALS names. Raise SettingsError.

        `timeout` is seconds for one request to the service that gives tokens.
        """
        self._google, self.project = _loaded(scope)
        self._transport = _Transport(timeout)
        self._lock = threading.Lock()
        self._failure: Exception | None = None
        self._failed_at = 0.0

    def token(self) -> str:
        """Return a valid token. Raise google.auth.exceptions.GoogleAuthError: then nothing was sent.

        Threads that waited while another one asked in vain get its error: if each asked again, one after the other,
        a service that hangs would hold the messages of a unit beyond their lease.
        """
        began = time.monotonic()
        with self._lock:
            if not self._google.valid:  # google-auth calls a token invalid from 3 min 45 s before its end
                if self._failure is not None and self._failed_at >= began:
                    raise self._failure
                self._refresh()
            token: str = self._google.token
            return token

    def _refresh(self) -> None:
        try:
            self._google.refresh(self._transport)
        except Exception as error:
            self._failure, self._failed_at = error.with_traceback(None), time.monotonic()
            raise

    def close(self) -> None:
        self._transport.close()


def _loaded(scope: str) -> tuple[Any, str]:
    try:
        import google.auth
        from google.auth import exceptions
    except ImportError:
        raise SettingsError("the channel push needs google-auth: pip install 'dynamodb-notifier[push]'") from None
    try:
        credentials, project = google.auth.default(scopes=[scope])
    except exceptions.GoogleAuthError as error:
        raise SettingsError(
            "no credentials of Google: set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account "
            f"({type(error).__name__})"
        ) from None
    return credentials, project or ""


class _Transport:
    """Requests for google-auth, by httpx."""

    def __init__(self, timeout: float) -> None:
        self._client = httpx.Client(timeout=timeout)

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002  ours holds
        **_: Any,
    ) -> "_Answer":
        from google.auth.exceptions import TransportError

        try:
            return _Answer(self._client.request(method, url, content=body, headers=headers))
        except httpx.HTTPError as error:
            raise TransportError(type(error).__name__) from error

    def close(self) -> None:
        self._client.close()


class _Answer:
    """An answer as google-auth reads it."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.headers = answer.headers
        self.data = answer.content
