"""One connection of the simulator: HTTP/2, frame by frame."""

import json
import socket
import struct
from collections.abc import Callable, Mapping

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from simulators.push.apns.reply import Reply

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PIECE = 65_536


Answer = Callable[[Mapping[str, str], bytes], Reply]
"""Decides about a request, by its headers and its body."""


class Session:
    """Reads requests and answers them, until one side closes the connection."""

    def __init__(self, sock: socket.socket, answer: Answer, settings: Mapping[SettingCodes, int]) -> None:
        self._sock = sock
        self._decide = answer
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        if settings:
            self._h2.local_settings = Settings(client=False, initial_values=dict(settings))
        self._requests: dict[int, tuple[dict[str, str], bytearray]] = {}
        self._ended = False
        self.deaf = False
        """Nothing that comes is read, as after a firewall has forgotten the connection."""

    def serve(self) -> None:
        self._h2.initiate_connection()
        self._flush()
        while not self._ended and (data := self._sock.recv(_PIECE)):
            if self.deaf:
                continue
            for event in self._h2.receive_data(data):
                match event:
                    case RequestReceived(stream_id=stream):
                        lines = {str(name): str(value) for name, value in event.headers or ()}
                        self._requests[stream or 0] = lines, bytearray()
                    case DataReceived(stream_id=stream):
                        self._requests[stream or 0][1].extend(event.data or b"")
                        self._h2.acknowledge_received_data(event.flow_controlled_length or 0, stream or 0)
                    case StreamEnded(stream_id=stream):
                        self._answer(stream or 0)
            self._flush()

    def cut(self) -> None:
        """Close the connection without a word."""
        self._ended = True
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._sock.shutdown(socket.SHUT_RDWR)

    def _answer(self, stream: int) -> None:
        headers, body = self._requests.pop(stream)
        reply = self._decide(headers, bytes(body))
        match reply.then:
            case "accept_then_hang":
                return
            case "accept_then_cut":
                self._end()
            case "accept_then_goaway_and_cut":
                self._goaway(stream)
                self._end()
            case "goaway":
                self._goaway(stream - 2 if stream > 1 else 0)
                self._end()
            case "refuse_stream":
                self._h2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
            case "accept_then_goaway":
                self._goaway(stream)
                self._respond(stream, reply)
                self._end()
            case "accept_then_cut_body":
                self._respond(stream, reply, whole=False)
                self._end()
            case _:
                self._respond(stream, reply)

    def _respond(self, stream: int, reply: Reply, *, whole: bool = True) -> None:
        body = reply.body
        if body is None:
            told = {"reason": reply.reason, "quoted": reply.quoted}
            body = b"" if reply.status == 200 else json.dumps(told).encode()  # noqa: PLR2004
        lines = [(":status", str(reply.status)), ("apns-id", reply.id)]
        self._h2.send_headers(stream, lines, end_stream=whole and not body)
        if whole and body:
            self._h2.send_data(stream, body[: self._h2.local_flow_control_window(stream)], end_stream=True)

    def _goaway(self, last: int) -> None:
        """Say that streams above `last` were not processed. h2 itself would then send no answer any more."""
        self._flush()
        self._sock.sendall(GoAwayFrame(0, last_stream_id=last, error_code=0).serialize())

    def _end(self) -> None:
        self._flush()
        self._ended = True

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._sock.sendall(data)
