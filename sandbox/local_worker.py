"""A worker whose channels send nothing beyond this machine: `python -m sandbox.local_worker worker CHANNELS`.

`notifier up` runs it. Whatever a channel does to send (a connection, a look-up of a name, a program) is refused
unless it stays here; a message that would have left counts as accepted, and the inbox shows it. Channels of other
packages are confined as ours are. The route's functions are not: they may ask any database or service.
"""

import errno
import ipaddress
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog

from notifier.channels import substitute
from notifier.messages import Message
from notifier.outcomes import Accepted, Blocked, NotSent, Offline, Outcome, Throttled, Unknown
from notifier.settings import Settings
from sandbox.inbox import KEPT, SENT, Inbox

log = structlog.get_logger(__name__)

_SHOWN_BY_SIMULATORS = frozenset(("email", "sms"))
_CONNECTS = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
_LOOKS_UP = frozenset(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"))
_RUNS = frozenset(("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec"))
_MARK = "notifier_confinement"

Send = Callable[[Sequence[Message[Any, Any]]], list[Outcome]]


class RemoteAccessRefused(OSError):
    """A channel tried to reach something beyond this machine."""

    def __init__(self) -> None:
        super().__init__(errno.ENETUNREACH, "`notifier up` lets no message leave this machine")


class LocalOnly:
    """What one channel may not do. It holds for the thread that sends, and for each thread that is started there."""

    def __init__(self, channel: str, notes: Inbox) -> None:
        self.refused = 0
        self._channel = channel
        self._notes = notes
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def holds(self) -> Iterator[None]:
        thread = threading.current_thread()
        before = getattr(thread, _MARK, None)
        setattr(thread, _MARK, self)
        try:
            yield
        finally:
            setattr(thread, _MARK, before)

    def refuse(self) -> None:
        self.refused += 1
        raise RemoteAccessRefused

    def send(self, message: Message[Any, Any], send: Send) -> Outcome:
        """What becomes of the message. One at a time, so that it is known which one was refused."""
        with self._one_at_a_time, self.holds():
            before = self.refused
            try:
                [outcome] = send([message])
            except Exception:
                if self.refused == before:
                    raise
                outcome = Unknown("the channel raised when it was refused")
            refused = self.refused > before
        return self._told(message, outcome, refused=refused)

    def _told(self, message: Message[Any, Any], outcome: Outcome, *, refused: bool) -> Outcome:
        match outcome:
            case NotSent() | Unknown() | Offline() | Blocked() | Throttled() if refused:
                self._notes.add(message, KEPT)
                return Accepted(None)
            case Accepted() if self._channel not in _SHOWN_BY_SIMULATORS:
                self._notes.add(message, KEPT if refused else SENT)
        return outcome


def restricted(name: str, found: Any) -> Any:
    """The class of a channel, confined to this machine. No name of its own class is taken but these three."""

    class Confined(found):  # type: ignore[misc]
        def __init__(self, settings: Settings) -> None:
            confinement = LocalOnly(name, Inbox(settings.endpoint("ses"), name))
            object.__setattr__(self, _MARK, confinement)  # the class may be frozen
            with confinement.holds():
                super().__init__(settings)

        def rate(self) -> float | None:
            with _of(self).holds():
                found: float | None = super().rate()
            return found

        def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
            confinement, send = _of(self), super().send
            return [confinement.send(each, send) for each in messages]

    Confined.__name__ = Confined.__qualname__ = found.__name__
    return Confined


def _of(channel: Any) -> LocalOnly:
    confinement: LocalOnly = getattr(channel, _MARK)
    return confinement


def check(event: str, arguments: tuple[Any, ...]) -> None:
    """The hook for Python's audit events. Raises LeavesTheMachine."""
    if event not in _CONNECTS and event not in _LOOKS_UP and event not in _RUNS:
        return
    confinement = getattr(threading.current_thread(), _MARK, None)
    if confinement is None:
        return
    if event in _RUNS or not _is_local(arguments[1] if event in _CONNECTS else arguments[0]):
        confinement.refuse()


def install() -> None:
    """Let confinements hold in this process, from now to its end."""
    sys.addaudithook(check)
    start = threading.Thread.start

    def inheriting(thread: threading.Thread) -> None:
        """A thread that a confined one starts is confined, too: channels send in threads of their own."""
        setattr(thread, _MARK, getattr(threading.current_thread(), _MARK, None))
        start(thread)

    threading.Thread.start = inheriting  # type: ignore[method-assign, assignment]


def _is_local(address: Any) -> bool:
    """Of a socket's address, or of a host: that of this machine, or a socket in its file system."""
    if isinstance(address, tuple):
        host = address[0] if address else None
    elif isinstance(address, str | bytes) and address[:1] in ("/", b"/", "\0", b"\0"):
        return True
    else:
        host = address
    if host is None:
        return True
    name = host.decode("latin-1") if isinstance(host, bytes) else str(host)
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    try:
        found = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback or found.is_unspecified


def main() -> None:
    install()
    substitute(restricted)
    from notifier.cli import main as notifier

    notifier()


if __name__ == "__main__":
    main()
