"""What stays of the address of a person who is erased and suppressed: a keyed hash. The address cannot be read
from it; with the key it can be checked whether an address is that one.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from notifier.settings import RecipientSettings

_MARK = "erased:"
_DIGITS = 40


@dataclass(frozen=True, slots=True)
class ErasureKeys:
    """The keys of NOTIFIER_ERASURE_KEYS, the newest first: it makes new hashes, all are compared with old ones."""

    keys: Sequence[str] = ()

    @classmethod
    def of(cls, settings: RecipientSettings) -> "ErasureKeys":
        """Return the keys of NOTIFIER_ERASURE_KEYS, which are separated by commas; none if it is not set."""
        given = settings.erasure_keys.get_secret_value()
        return cls(tuple(each for part in given.split(",") if (each := part.strip())))

    def __bool__(self) -> bool:
        return bool(self.keys)

    def known_as(self, channel: str, address: str) -> list[str]:
        """Return what `suppressions` may have of this recipient: its spelling, and the hashes of an erasure."""
        return [address, *self.hashes(channel, address)]

    def hashes(self, channel: str, address: str) -> list[str]:
        """Return what `suppressions` may have instead of this address; the first is what is written now."""
        name = f"{channel}\0{address}".encode(errors="surrogatepass")  # an address may have half a surrogate pair
        return [_MARK + hmac.digest(key.encode(), name, "sha256").hex()[:_DIGITS] for key in self.keys]
