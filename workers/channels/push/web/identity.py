"""Who sends Web Pushes: a key of P-256 and a contact, as signed tokens (VAPID, RFC 8292)."""

import base64
import threading
import time
from typing import Any

from notifier.errors import SettingsError
from notifier.settings import Settings

MAKE_KEY = (
    "make one: openssl ecparam -name prime256v1 -genkey -noout "
    "| openssl pkcs8 -topk8 -nocrypt -outform DER | base64 -w0"
)
TOKEN_SECONDS = 43_200
"""A push service takes tokens of 24 hours at most."""
_EARLY_SECONDS = 3_600


class Identity:
    """Signs for push services. Thread-safe; keeps the token of each push service until an hour before its end."""

    def __init__(self, settings: Settings) -> None:
        """Raise SettingsError if the key or the contact is missing or wrong."""
        if settings.webpush_private_key is None:
            raise SettingsError(f"NOTIFIER_WEBPUSH_PRIVATE_KEY is not set; {MAKE_KEY}")
        self._key = _key(settings.webpush_private_key.get_secret_value())
        self._subject = settings.webpush_subject
        if not self._subject.startswith(("mailto:", "https://")):
            raise SettingsError(
                "NOTIFIER_WEBPUSH_SUBJECT is not set: mailto:you@example.com, or a https:// page of yours"
            )
        self.public_key = _public(self._key)
        """What the browser gets as `applicationServerKey`, in base64url."""
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    def authorization(self, origin: str) -> str:
        """Return the header Authorization for requests to the push service at this origin."""
        import jwt

        now = time.time()
        with self._lock:
            token, until = self._tokens.get(origin, ("", 0.0))
            if until - _EARLY_SECONDS <= now:
                until = now + TOKEN_SECONDS
                claims = {"aud": origin, "exp": int(until), "sub": self._subject}
                token = jwt.encode(claims, self._key, algorithm="ES256")
                if len(self._tokens) >= _MOST_TOKENS:
                    self._tokens.clear()
                self._tokens[origin] = token, until
        return f"vapid t={token}, k={self.public_key}"


_MOST_TOKENS = 1_000


def _key(text: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        key = load_der_private_key(base64.b64decode(text, validate=True), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SettingsError(f"NOTIFIER_WEBPUSH_PRIVATE_KEY is no key of P-256 in PKCS #8 and base64; {MAKE_KEY}")
    return key


def _public(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
