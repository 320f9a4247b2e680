"""The developer account whose provider tokens the simulator takes."""

import base64
import time
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

KEY_ID, TEAM_ID, TOPIC = "ABC123DEFG", "TEAM123456", "com.example.shop"
LONGEST_SECONDS = 3_600


class Account:
    """Has a key, and says what APNs answers to a token."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self.expired: set[str] = set()
        """Tokens that count as expired."""
        self.tokens: dict[str, None] = {}
        """All tokens that came, in order."""

    @cached_property
    def key(self) -> str:
        """What stands in the key file, AuthKey_*.p8, between its first and its last line, without line breaks."""
        key = self._private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return base64.b64encode(key).decode()

    def fault_of(self, authorization: str) -> str:
        """Return the reason to refuse this header. Empty: it is good."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            return "MissingProviderToken"
        self.tokens[token] = None
        try:
            claims: dict[str, Any] = jwt.decode(token, self._private.public_key(), algorithms=["ES256"])
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError:
            return "InvalidProviderToken"
        if key_id != KEY_ID or claims.get("iss") != TEAM_ID or not isinstance(claims.get("iat"), int):
            return "InvalidProviderToken"
        if token in self.expired or claims["iat"] < time.time() - LONGEST_SECONDS:
            return "ExpiredProviderToken"
        return ""
