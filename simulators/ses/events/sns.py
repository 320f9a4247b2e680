"""The envelope of SNS around an event, as without raw message delivery, signed with a generated key."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from simulators.ses.mail import stamp

_HASHES: Mapping[str, Callable[[], HashAlgorithm]] = {"1": SHA1, "2": SHA256}
_DAYS = timedelta(days=30)


class Signer:
    """Signs as SNS of one region does. `certificate` is a PEM text, which SNS would serve at `url`.

    `version` is that of the signature: "1" is SHA-1, "2" is SHA-256. `name` is the certificate's common name, `until`
    its end.
    """

    def __init__(
        self,
        region: str,
        *,
        version: str = "1",
        name: str = "sns.amazonaws.com",
        until: datetime | None = None,
    ) -> None:
        self._version = version
        self._host = f"https://sns.{region}.amazonaws.com"
        self._key = generate_private_key(65537, 2048)
        self.certificate = self._certificate(name, until or datetime.now(UTC) + _DAYS)
        digest = hashlib.sha256(self.certificate).hexdigest()[:32]
        self.url = f"{self._host}/SimpleNotificationService-{digest}.pem"

    def envelope(self, topic: str, message: str, now: float) -> dict[str, Any]:
        """Return a notification of this topic with this message. `now` is in seconds since the epoch."""
        envelope = {
            "Type": "Notification",
            "MessageId": str(uuid4()),
            "TopicArn": topic,
            "Subject": "Amazon SES Email Event Notification",
            "Message": message,
            "Timestamp": stamp(now),
            "SignatureVersion": self._version,
            "SigningCertURL": self.url,
            "UnsubscribeURL": f"{self._host}/?Action=Unsubscribe&SubscriptionArn={topic}:simulated",
        }
        return envelope | {"Signature": self.sign(envelope)}

    def sign(self, envelope: Mapping[str, Any]) -> str:
        """Return the signature of the members that SNS signs, in base64. They are not checked."""
        names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
        text = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)
        signature = self._key.sign(text.encode(), PKCS1v15(), _HASHES[self._version]())
        return base64.b64encode(signature).decode()

    def _certificate(self, name: str, until: datetime) -> bytes:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - 12 * _DAYS)
            .not_valid_after(until)
        )
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)
