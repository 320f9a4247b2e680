"""One connection by HTTP/2, with one request at a time."""

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    PingAckReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes

from workers.channels.push.apns.errors import AnswerLost, NotConnected, NotProcessed
from workers.channels.push.apns.goaway import GoAway, GoAwayFrames
from workers.channels.push.apns.response import ApnsResponse

IDLE_SECONDS = 20.0
"""After so long without a request a PING is sent first: a firewall may have forgotten the connection, and a request
into it would have an unknown outcome."""
PING_SECONDS = 2.0
MAX_BODY = 2048
"""Bytes of an answer's body that are kept."""
_PIECE = 65_536
_FAILURES = (OSError, H2Error, EOFError)


@dataclass(slots=True)
class _Stream:
    """What has come for the request under way."""

    id: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None


class Connection:
    """A connection. For one thread at a time.

    One request at a time and not many, as HTTP/2 allows: if the connection is lost, one push is unknown and not all
    that were under way.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        """Take a connected socket, and wait for the settings of the server. Raise NotConnected.

        `until` is a time of `time.monotonic`, as everywhere here.
        """
        self._sock = sock
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._frames = GoAwayFrames()
        self._goaway: GoAway | None = None
        self._broken = False
        self._stream = _Stream(0)
        self._pings = 0
        self._greeted = False
        self._used_at = time.monotonic()
        try:
            self._h2.initiate_connection()
            self._h2.update_settings({SettingCodes.ENABLE_PUSH: 0})
            self._write(until)
            while not self._greeted:
                self._read(until)
        except _FAILURES as error:
            self.close()
            raise NotConnected(f"no HTTP/2: {_name(error)}") from error

    @property
    def idle_seconds(self) -> float:
        return time.monotonic() - self._used_at

    @property
    def ended(self) -> bool:
        """Whether no further request may be sent here: the server said so, or the last one did not end in order."""
        return self._goaway is not None or self._broken

    def answers(self, until: float) -> bool:
        """Return whether a request may be sent: read what has come meanwhile, and send a PING after a long time."""
        try:
            while not self.ended and self._read_now():
                pass
            if not self.ended and self.idle_seconds > IDLE_SECONDS:
                self._ping(min(until, time.monotonic() + PING_SECONDS))
        except _FAILURES:
            return False
        return not self.ended

    def post(self, path: str, headers: Mapping[str, str], body: bytes, until: float) -> ApnsResponse:
        """Send one POST and return its answer. Raise NotProcessed or AnswerLost: then close the connection."""
        try:
            self._send(path, headers, body, until)
        except _FAILURES as error:  # the request's last byte is its last one to be written
            raise NotProcessed(_name(error)) from error
        try:
            while not self._over():
                self._read(until)
        except _FAILURES as error:
            if not self._stream.headers:
                raise AnswerLost(_name(error)) from error
            self._broken = True
        self._used_at = time.monotonic()
        return self._answer()

    def close(self) -> None:
        self._sock.close()

    def _send(self, path: str, headers: Mapping[str, str], body: bytes, until: float) -> None:
        """Send the whole request, unless an answer comes first."""
        self._stream = _Stream(self._h2.get_next_available_stream_id())
        lines = {":method": "POST", ":scheme": "https", ":path": path, **headers}
        self._h2.send_headers(self._stream.id, [*lines.items()])
        rest = memoryview(body)
        while rest and not self._over():
            room = min(self._h2.local_flow_control_window(self._stream.id), self._h2.max_outbound_frame_size)
            if not room:
                self._write(until)
                self._read(until)
                continue
            self._h2.send_data(self._stream.id, bytes(rest[:room]), end_stream=len(rest) <= room)
            self._write(until)
            rest = rest[room:]
        self._broken = bool(rest)

    def _over(self) -> bool:
        """Return whether nothing more can come for the request. Raise NotProcessed if the server says so."""
        stream, goaway = self._stream, self._goaway
        if stream.reset == ErrorCodes.REFUSED_STREAM:
            raise NotProcessed("the server refused the stream")
        if goaway and goaway.last_stream < stream.id:
            raise NotProcessed(f"GOAWAY with code {goaway.code} before this request")
        return stream.ended or stream.reset is not None

    def _answer(self) -> ApnsResponse:
        """Return the answer. Its status alone decides, so its body may be incomplete."""
        headers = self._stream.headers
        if ":status" not in headers:
            raise AnswerLost(f"the stream was reset with code {self._stream.reset}")
        return ApnsResponse(int(headers[":status"]), headers, self._stream.body)

    def _ping(self, until: float) -> None:
        before = self._pings
        self._h2.ping(b"notifier")
        self._write(until)
        while self._pings == before and not self.ended:
            self._read(until)
        self._used_at = time.monotonic()

    def _read_now(self) -> bool:
        """Read what has come. Return False if nothing has."""
        self._sock.settimeout(0)
        try:
            self._take(self._sock.recv(_PIECE))
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        self._write(time.monotonic() + PING_SECONDS)
        return True

    def _read(self, until: float) -> None:
        """Wait for what comes next, and answer what HTTP/2 wants to have answered. Raise one of _FAILURES."""
        self._sock.settimeout(_left(until))
        self._take(self._sock.recv(_PIECE))
        self._write(until)

    def _take(self, data: bytes) -> None:
        if not data:
            raise EOFError("the server closed the connection")
        frames, goaway = self._frames.take(data)
        self._goaway = goaway or self._goaway
        for event in self._h2.receive_data(frames):
            self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case RemoteSettingsChanged():
                self._greeted = True
            case PingAckReceived():
                self._pings += 1
            case ResponseReceived(stream_id=self._stream.id):
                self._stream.headers = {str(name): str(value) for name, value in event.headers or ()}
            case DataReceived(stream_id=self._stream.id):
                self._stream.body = (self._stream.body + (event.data or b""))[:MAX_BODY]
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, self._stream.id)
            case StreamEnded(stream_id=self._stream.id):
                self._stream.ended = True
            case StreamReset(stream_id=self._stream.id):
                self._stream.reset = int(event.error_code or 0)

    def _write(self, until: float) -> None:
        """Send what h2 has to send. If it raises, the last byte of that was not sent."""
        rest = memoryview(self._h2.data_to_send())
        while rest:
            self._sock.settimeout(_left(until))
            rest = rest[self._sock.send(rest) :]


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("its time is over")
    return left


def _name(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
