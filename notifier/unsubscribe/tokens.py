"""The token of a link: channel, topic and address of a recipient, encrypted so that only we can make and read it.

AES-SIV (RFC 5297) authenticates and encrypts without a nonce: equal recipients have equal tokens, no row is stored
for one, and an address cannot be read from a link in a log. A token never expires: people keep mails for years.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

LONGEST = 900
"""Characters of a token. A header of SES has 995, and the address of the page comes before."""

_PURPOSE = b"notifier unsubscribe link, version 1"
"""A part of the key's derivation and of each token: what another program made with the same secret is no token."""
_PARTS = 3


@dataclass(frozen=True, slots=True)
class Subscription:
    """A recipient and a topic: what a link is for. `address` is spelled as the channel's suppressions have it.

    With an empty `address` it is of no recipient: `notifier doctor` tries a page with it, and nothing is written.
    """

    channel: str
    address: str
    topic: str


class Tokens:
    """Makes tokens with the first key, and reads those of all `keys`. Thread-safe.

    Raises ValueError if there is no key.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("there is no key")
        self._ciphers = [AESSIV(hmac.digest(key.encode(), _PURPOSE, "sha512")) for key in keys]

    def make(self, subscription: Subscription) -> str:
        """Return the token of a recipient and a topic: ASCII, fit for the path of a URL. It is always the same."""
        text = f"{subscription.channel}\0{subscription.topic}\0{subscription.address}"
        sealed = self._ciphers[0].encrypt(text.encode(), [_PURPOSE])
        return urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def read(self, token: str) -> Subscription | None:
        """Return what a token is for; None if it is none of ours, or of a key that was taken out."""
        if len(token) > LONGEST or not token.isascii():
            return None
        try:
            sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        if urlsafe_b64encode(sealed).rstrip(b"=").decode() != token:  # one token, one spelling
            return None
        for cipher in self._ciphers:
            try:
                parts = cipher.decrypt(sealed, [_PURPOSE]).decode().split("\0")
            except (InvalidTag, ValueError):
                continue
            if len(parts) == _PARTS:
                channel, topic, address = parts
                return Subscription(channel, address, topic)
        return None
