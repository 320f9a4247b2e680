"""Fetches the certificates that SNS signs with, each once, and checks that they are SNS's.

A certificate is trusted because it came over TLS from the host of SNS in the topic's region: the file does
not have the chain to Amazon's root. Its names and dates are checked as well.
"""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

from bridge.feedback.topic import Topic
from notifier.errors import DecodeError, Unreachable

Fetch = Callable[[str], bytes]
"""Returns the file at a URL. Raises DecodeError if there is none, Unreachable if it cannot be fetched now."""

_LEAST_BITS = 2048
_MOST_BYTES = 65_536
_MOST_SECONDS = 10.0
_SOCKET_SECONDS = 5.0
_KEPT_SECONDS = 86_400.0
_REFUSED_SECONDS = 60.0
_PAUSE_SECONDS = 5.0
_MOST_KEPT = 32
_LATER = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS))


class Certificates:
    """The certificates of SNS in one topic's region. `fetch` gets URLs that `Topic.signing_url` allows."""

    def __init__(self, topic: Topic, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._topic = topic
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, x509.Certificate | DecodeError]] = {}
        self._away_until = 0.0

    def key(self, url: str, at: datetime) -> RSAPublicKey:
        """Return the key of the certificate at this URL, for a message that was signed at that time.

        Raise DecodeError if the certificate is not SNS's or was not valid then, Unreachable if it cannot be fetched.
        """
        with self._lock:
            found = self._certificate(url)
        if isinstance(found, DecodeError):
            raise found
        if not found.not_valid_before_utc <= at <= found.not_valid_after_utc:
            raise DecodeError("forged? its certificate was not valid when it was signed")
        return _checked_key(found)

    def _certificate(self, url: str) -> x509.Certificate | DecodeError:
        until, found = self._known.get(url, (0.0, None))
        if found is not None and self._clock() < until:
            return found
        if self._clock() < self._away_until:
            raise Unreachable("the certificate of SNS could not be fetched a moment ago")
        try:
            return self._keep(url, self._checked(self._fetch(url)), _KEPT_SECONDS)
        except DecodeError as error:
            return self._keep(url, error, _REFUSED_SECONDS)
        except Unreachable:
            self._away_until = self._clock() + _PAUSE_SECONDS
            raise

    def _keep(
        self, url: str, found: x509.Certificate | DecodeError, seconds: float
    ) -> x509.Certificate | DecodeError:
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[url] = (self._clock() + seconds, found)
        return found

    def _checked(self, file: bytes) -> x509.Certificate:
        try:
            certificate = x509.load_pem_x509_certificates(file)[0]
            names = _names(certificate)
        except ValueError:
            raise DecodeError("forged? what its SigningCertURL leads to is no certificate") from None
        if not names & self._topic.signers:
            raise DecodeError("forged? its certificate is not of SNS in the topic's region")
        _checked_key(certificate)
        return certificate


def fetch(url: str) -> bytes:
    """Fetch the file by HTTPS from the host of this URL; a redirect is refused."""
    try:
        with _OPENER.open(url, timeout=_SOCKET_SECONDS) as answer:
            return _bounded(answer.read1)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _LATER:
            raise DecodeError(f"forged? SNS has no certificate there: it answers {error.code}") from None
        raise Unreachable(f"the certificate of SNS cannot be fetched: it answers {error.code}") from None
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise Unreachable(f"the certificate of SNS cannot be fetched: {reason}. Is it reachable from here?") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow no redirect: only a file from the host of SNS can be trusted."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _bounded(read: Callable[[int], bytes]) -> bytes:
    deadline = time.monotonic() + _MOST_SECONDS
    body = b""
    while chunk := read(_MOST_BYTES):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise DecodeError("forged? what its SigningCertURL leads to is no certificate")
        if time.monotonic() > deadline:
            raise Unreachable("the certificate of SNS comes too slowly")
    return body


def _names(certificate: x509.Certificate) -> set[str]:
    names = {str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    try:
        more = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return names
    return names | set(more.value.get_values_for_type(x509.DNSName))


def _checked_key(certificate: x509.Certificate) -> RSAPublicKey:
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
        raise DecodeError("forged? its certificate has no RSA key of a good length")
    return key
