"""Messages between a worker and a process that builds for it: pickles on pipes, each with its length before it.

Both ends are the same program, so each trusts what the other writes.
"""

import os
import pickle
import select
import struct
import time
from typing import IO, Any, BinaryIO

_LENGTH = struct.Struct("!Q")
_PIECE = 1 << 20


class FrameTimeout(Exception):
    """The other end took too long. What came of its message so far is kept."""


def frame(message: object) -> bytes:
    """Raises what pickling it raises."""
    pickled = pickle.dumps(message)
    return _LENGTH.pack(len(pickled)) + pickled


def next_message(pipe: BinaryIO) -> Any:
    """Wait for one, without a bound. Raises EOFError at the end of the pipe."""
    (length,) = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))
    return pickle.loads(_exactly(pipe, length))  # noqa: S301  our own program wrote it


def _exactly(pipe: BinaryIO, size: int) -> bytes:
    found = pipe.read(size)
    if len(found) < size:
        raise EOFError
    return found


class Frames:
    """The worker's end of two pipes. Each step takes so many seconds at most. Not safe to share between threads.

    Not bound to descriptors: once a pipe is closed, another file may have its number.
    """

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        for pipe in (incoming, outgoing):
            os.set_blocking(pipe.fileno(), False)
        self._incoming = incoming
        self._outgoing = outgoing
        self._came = bytearray()

    def write(self, framed: bytes, seconds: float) -> None:
        """Raises Slow, and OSError where the other end is gone."""
        until = time.monotonic() + seconds
        rest = memoryview(framed)
        while rest:
            _wait(self._outgoing.fileno(), select.POLLOUT, until)
            try:
                rest = rest[os.write(self._outgoing.fileno(), rest) :]
            except BlockingIOError:
                continue

    def read(self, seconds: float) -> bytes:
        """The next message, still pickled. Raises Slow, and EOFError where the other end is gone."""
        until = time.monotonic() + seconds
        while (message := self._whole()) is None:
            _wait(self._incoming.fileno(), select.POLLIN, until)
            try:
                piece = os.read(self._incoming.fileno(), _PIECE)
            except BlockingIOError:
                continue
            if not piece:
                raise EOFError
            self._came += piece
        return message

    def _whole(self) -> bytes | None:
        start = _LENGTH.size
        if len(self._came) < start:
            return None
        end = start + _LENGTH.unpack_from(self._came)[0]
        if len(self._came) < end:
            return None
        message = bytes(self._came[start:end])
        del self._came[:end]
        return message


def _wait(descriptor: int, event: int, until: float) -> None:
    poll = select.poll()  # select() knows descriptors below 1024 only
    poll.register(descriptor, event)
    if not poll.poll(max(until - time.monotonic(), 0.0) * 1000):
        raise FrameTimeout
