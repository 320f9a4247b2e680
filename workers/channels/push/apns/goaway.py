"""Takes the GOAWAY frames out of what an HTTP/2 server sends.

h2 ends a connection with the first GOAWAY that it reads, and raises an error for any answer after it. But a server
that shuts down in order says GOAWAY first and then still answers the requests that it names as processed (RFC 9113,
6.8): their answers would be lost, and their pushes unknown.
"""

from typing import NamedTuple

_HEAD = 9
_TYPE = 0x07
_LARGEST = 16_384
"""Bytes of a frame that h2 accepts, as it announces to the server."""


class GoAway(NamedTuple):
    """The server takes no further request. It has processed none whose stream is above `last_stream`."""

    last_stream: int
    code: int


class GoAwayFrames:
    """Divides what was received into frames. One for each connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def take(self, data: bytes) -> tuple[bytes, GoAway | None]:
        """Return the complete frames for h2, and the GOAWAY that applies, if one has come: the last one."""
        self._buffer += data
        rest, found = bytearray(), None
        while len(self._buffer) >= _HEAD:
            length = int.from_bytes(self._buffer[:3])
            end = _HEAD + length
            if length <= _LARGEST and len(self._buffer) < end:
                break
            frame = self._buffer[:end]
            del self._buffer[:end]
            if frame[3] == _TYPE and length >= _GOAWAY_LENGTH:
                found = GoAway(int.from_bytes(frame[9:13]) & 0x7FFFFFFF, int.from_bytes(frame[13:17]))
            else:
                rest += frame
        return bytes(rest), found


_GOAWAY_LENGTH = 8
