"""Verifies that a message is from our topic, by its SNS signature of version 1 (SHA-1) or 2 (SHA-256).

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from bridge.feedback.topic import Topic
from notifier.errors import DecodeError

_HASHES: Mapping[Any, Callable[[], HashAlgorithm]] = {"1": SHA1, "2": SHA256}
_SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_OPTIONAL = frozenset(("Subject",))
_OLDEST = timedelta(days=15)  # a queue keeps a message for 14 days at most
_NEWEST = timedelta(days=1)

Envelope = Mapping[str, Any]


class Keys(Protocol):
    """Where the public keys of SNS come from: `Certificates`."""

    def key(self, url: str, at: datetime) -> RSAPublicKey: ...


class SignatureVerifier:
    """Verifies the messages of one topic."""

    def __init__(self, topic: Topic, keys: Keys, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._topic = topic
        self._keys = keys
        self._now = now

    def check(self, envelope: Envelope) -> None:
        """Raise DecodeError if it is no message of this topic, Unreachable if that cannot be checked now."""
        if envelope.get("TopicArn") != self._topic.arn:
            raise DecodeError("it is of another topic than NOTIFIER_FEEDBACK_TOPIC_ARN")
        text, at = canonical(envelope), self._signed_at(envelope)
        version, url = envelope.get("SignatureVersion"), envelope.get("SigningCertURL")
        if version not in ("1", "2"):
            raise DecodeError("forged? its SignatureVersion is neither 1 nor 2")
        if not isinstance(url, str) or not self._topic.signing_url(url):
            raise DecodeError("forged? its SigningCertURL is not SNS's in the topic's region")
        signature = _signature(envelope)
        try:
            self._keys.key(url, at).verify(signature, text, PKCS1v15(), _HASHES[version]())
        except InvalidSignature:
            raise DecodeError("forged: its signature is not SNS's") from None

    def _signed_at(self, envelope: Envelope) -> datetime:
        try:
            at = datetime.fromisoformat(envelope["Timestamp"])
            age = self._now() - at
        except (TypeError, ValueError, OverflowError):
            raise DecodeError("forged? its Timestamp is no time") from None
        if not -_NEWEST <= age <= _OLDEST:
            raise DecodeError("forged? its Timestamp is further away than any queue keeps a message")
        return at


def canonical(envelope: Envelope) -> bytes:
    """Return the text that is signed in a notification. Raise DecodeError if a part of it is missing."""
    lines: list[str] = []
    for name in _SIGNED:
        value = envelope.get(name)
        if value is None and name in _OPTIONAL:
            continue
        if not isinstance(value, str):
            raise DecodeError(f"forged? it has no {name}")
        lines += (name, value)
    try:
        return ("\n".join(lines) + "\n").encode()
    except UnicodeEncodeError:
        raise DecodeError("forged? it is no text") from None


def _signature(envelope: Envelope) -> bytes:
    try:
        return base64.b64decode(envelope["Signature"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise DecodeError("forged? it has no signature") from None
