"""Who sends to APNs: a key of the developer account, as signed tokens (RFC 7519, ES256)."""

import base64
import binascii
import re
import threading
import time
from typing import Any

from notifier.errors import SettingsError
from notifier.process.clock import boottime
from notifier.settings import Settings

KEEP_SECONDS = 2_400.0
"""APNs takes a token for an hour, and wants no new one within twenty minutes."""
LEAST_SECONDS = 1_200.0
_MAKE_LINE = (
    "it is the key file of the developer account, AuthKey_*.p8, without its first and last line, as one line: "
    r"grep -v -- ----- AuthKey_ABC123DEFG.p8 | tr -d '\n'"
)
_WHERE = "the developer account has it, under Keys"
_FRAME = re.compile(r"-----[A-Z ]+-----|\s|\\n")


class ProviderToken:
    """Makes the tokens. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        """Raise SettingsError if the key, its id or the team is missing or wrong."""
        if settings.apns_key is None:
            raise SettingsError(f"NOTIFIER_APNS_KEY is not set; {_MAKE_LINE}")
        for name in ("apns_key_id", "apns_team_id"):
            if not getattr(settings, name):
                raise SettingsError(f"NOTIFIER_{name.upper()} is not set; {_WHERE}")
        self._key = _key(settings.apns_key.get_secret_value())
        self._key_id, self._team = settings.apns_key_id, settings.apns_team_id
        self._lock = threading.Lock()
        self._token, self._made_at = "", -KEEP_SECONDS
        self._renewed_at = -LEAST_SECONDS

    def current(self) -> str:
        """Return a token that is good for twenty minutes at least."""
        with self._lock:
            if not self._token or boottime() - self._made_at >= KEEP_SECONDS:
                self._make()
            return self._token

    def renewed(self, rejected: str) -> str | None:
        """Return a token instead of one that APNs called expired. None: it has had a new one within twenty minutes.

        All threads whose requests had the same token get the same new one.
        """
        with self._lock:
            if self._token != rejected:
                return self._token
            if boottime() - self._renewed_at < LEAST_SECONDS:
                return None
            self._make()
            self._renewed_at = self._made_at
            return self._token

    def _make(self) -> None:
        import jwt

        claims = {"iss": self._team, "iat": int(time.time())}
        self._token = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._key_id})
        self._made_at = boottime()


def _key(text: str) -> Any:
    """Return the key in the text of a .p8 file, without line breaks. Its first and last line may be there."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        key = load_der_private_key(base64.b64decode(_FRAME.sub("", text), validate=True), None)
    except (binascii.Error, ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SettingsError(f"NOTIFIER_APNS_KEY is no key of P-256 in PKCS #8 and base64; {_MAKE_LINE}")
    return key
