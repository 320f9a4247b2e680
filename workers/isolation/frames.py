"""Messages between a worker and a process that builds for it: pickles on pipes, each after its length in bytes.

Pickle is safe here, because both ends are this program.
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
    """The other end took too long. The part of its message that has arrived is kept."""


def frame(message: object) -> bytes:
    """Return the message as it goes through the pipe. Raise what pickling it raises."""
    pickled = pickle.dumps(message)
    return _LENGTH.pack(len(pickled)) + pickled


def next_message(pipe: BinaryIO) -> Any:
    """Wait for a message, without a timeout, and return it. Raise EOFError at the end of the pipe."""
    (length,) = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))
    return pickle.loads(_exactly(pipe, length))  # noqa: S301  our own program wrote it


def _exactly(pipe: BinaryIO, size: int) -> bytes:
    found = pipe.read(size)
    if len(found) < size:
        raise EOFError
    return found


class Frames:
    """The worker's end of two pipes. Not safe to share between threads.

    It keeps the files, not their descriptors: once a pipe is closed, another file may have its number.
    """

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        for pipe in (incoming, outgoing):
            os.set_blocking(pipe.fileno(), False)
        self._incoming = incoming
        self._outgoing = outgoing
        self._buffer = bytearray()

    def write(self, framed: bytes, seconds: float) -> None:
        """Raise FrameTimeout after so many seconds, and OSError if the other end has closed the pipe."""
        until = time.monotonic() + seconds
        rest = memoryview(framed)
        while rest:
            _wait(self._outgoing.fileno(), select.POLLOUT, until)
            try:
                rest = rest[os.write(self._outgoing.fileno(), rest) :]
            except BlockingIOError:
                continue

    def read(self, seconds: float) -> bytes:
        """Return the next message, still pickled.

        Raise FrameTimeout after so many seconds, and EOFError if the other end has closed the pipe.
        """
        until = time.monotonic() + seconds
        while (message := self._complete()) is None:
            _wait(self._incoming.fileno(), select.POLLIN, until)
            try:
                piece = os.read(self._incoming.fileno(), _PIECE)
            except BlockingIOError:
                continue
            if not piece:
                raise EOFError
            self._buffer += piece
        return message

    def _complete(self) -> bytes | None:
        start = _LENGTH.size
        if len(self._buffer) < start:
            return None
        end = start + _LENGTH.unpack_from(self._buffer)[0]
        if len(self._buffer) < end:
            return None
        message = bytes(self._buffer[start:end])
        del self._buffer[:end]
        return message


def _wait(descriptor: int, event: int, until: float) -> None:
    poll = select.poll()  # select() takes only descriptors below 1024
    poll.register(descriptor, event)
    if not poll.poll(max(until - time.monotonic(), 0.0) * 1000):
        raise FrameTimeout
