"""A browser that has subscribed to Web Push, and the push service that it uses."""

import base64
import json
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SECRET = bytes(range(16))


class Browser:
    """Has a subscription at `endpoint`, and reads what is encrypted for it."""

    def __init__(self, endpoint: str, key: ec.EllipticCurvePrivateKey | None = None) -> None:
        self.endpoint = endpoint
        self._key = key or ec.generate_private_key(ec.SECP256R1())

    @property
    def subscription(self) -> str:
        """What the page sends to its server: `JSON.stringify(subscription)`."""
        public = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": _text(public), "auth": _text(_SECRET)}
        return json.dumps({"endpoint": self.endpoint, "expirationTime": None, "keys": keys})

    def read(self, body: bytes) -> Any:
        """Return the value in an encrypted push."""
        return json.loads(http_ece.decrypt(body, private_key=self._key, auth_secret=_SECRET, version="aes128gcm"))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
