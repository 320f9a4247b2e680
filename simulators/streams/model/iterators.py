"""Shard iterators: the position of a reader as a text with a checksum. The simulator keeps none of them."""

import base64
import binascii
import struct
import zlib
from dataclasses import dataclass

from simulators.shared.errors import ApiError, invalid

LIFETIME = 15 * 60.0

_LAYOUT = struct.Struct(">QdII")
_CHECK = struct.Struct(">I")
_SALT = 0x53747265


@dataclass(frozen=True, slots=True)
class Position:
    """The position of a reader in a shard. `place` is that of the next record, `issued` when the iterator was made.

    `reader` is the number of the GetShardIterator call with which the chain of iterators began; `empties` is how many
    empty pages were returned at this place.
    """

    arn: str
    shard_id: str
    place: int
    issued: float
    reader: int
    empties: int = 0

    def is_expired(self, now: float) -> bool:
        return now - self.issued >= LIFETIME

    def as_iterator(self) -> str:
        payload = _LAYOUT.pack(self.place, self.issued, self.reader, self.empties) + self.shard_id.encode()
        check = _CHECK.pack(zlib.crc32(payload + self.arn.encode(), _SALT))
        return f"{self.arn}|1|{base64.urlsafe_b64encode(check + payload).decode()}"


def position(iterator: str) -> Position:
    """Return the position in an iterator. Raise ApiError if the simulator did not make it."""
    arn, _, text = iterator.partition("|1|")
    try:
        decoded = base64.b64decode(text, b"-_", validate=True)
        (check,) = _CHECK.unpack_from(decoded)
        payload = decoded[_CHECK.size :]
        if zlib.crc32(payload + arn.encode(), _SALT) != check:
            raise _unknown()
        place, issued, reader, empties = _LAYOUT.unpack_from(payload)
    except (binascii.Error, struct.error, ValueError):
        raise _unknown() from None
    return Position(arn, payload[_LAYOUT.size :].decode(), place, issued, reader, empties)


def _unknown() -> ApiError:
    return invalid("Invalid ShardIterator")
