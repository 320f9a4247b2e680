"""A worker whose channels reach only this machine: `python -m sandbox.local_worker worker CHANNELS`.

`notifier up` runs it. While a channel sends, it is refused connections to other machines, look-ups of names and
programs. A message that was refused counts as accepted, and the inbox shows it. This applies to channels of other
packages, too, but not to the functions of routes, which may use any database or service.
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
_ATTRIBUTE = "notifier_local_only"
"""Of a thread or a channel: the LocalOnly that restricts it."""

Send = Callable[[Sequence[Message[Any, Any]]], list[Outcome]]


class RemoteAccessRefused(OSError):
    """A channel tried to reach another machine."""

    def __init__(self) -> None:
        super().__init__(errno.ENETUNREACH, "`notifier up` lets no message leave this machine")


class LocalOnly:
    """Restricts one channel to this machine, in the thread that sends and in threads that this one starts.

    `refused` counts the attempts to reach another machine.
    """

    def __init__(self, channel: str, inbox: Inbox) -> None:
        self.refused = 0
        self._channel = channel
        self._inbox = inbox
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def restricting(self) -> Iterator[None]:
        """Restrict this thread for the block."""
        thread = threading.current_thread()
        before = getattr(thread, _ATTRIBUTE, None)
        setattr(thread, _ATTRIBUTE, self)
        try:
            yield
        finally:
            setattr(thread, _ATTRIBUTE, before)

    def refuse(self) -> None:
        """Count an attempt to reach another machine, and raise RemoteAccessRefused."""
        self.refused += 1
        raise RemoteAccessRefused

    def send(self, message: Message[Any, Any], send: Send) -> Outcome:
        """Send one message. Only one at a time, so that it is known which one was refused."""
        with self._one_at_a_time, self.restricting():
            before = self.refused
            try:
                [outcome] = send([message])
            except Exception:
                if self.refused == before:
                    raise
                outcome = Unknown("the channel raised an error when it was refused")
            refused = self.refused > before
        return self._shown_in_inbox(message, outcome, refused=refused)

    def _shown_in_inbox(self, message: Message[Any, Any], outcome: Outcome, *, refused: bool) -> Outcome:
        match outcome:
            case NotSent() | Unknown() | Offline() | Blocked() | Throttled() if refused:
                self._inbox.add(message, KEPT)
                return Accepted(None)
            case Accepted() if self._channel not in _SHOWN_BY_SIMULATORS:
                self._inbox.add(message, KEPT if refused else SENT)
        return outcome


def restricted(name: str, found: Any) -> Any:
    """Return a subclass of a channel's class that is restricted to this machine. `name` is that of the channel."""

    class Restricted(found):  # type: ignore[misc]
        def __init__(self, settings: Settings) -> None:
            local_only = LocalOnly(name, Inbox(settings.endpoint("ses"), name))
            object.__setattr__(self, _ATTRIBUTE, local_only)  # the class may be frozen
            with local_only.restricting():
                super().__init__(settings)

        def rate(self) -> float | None:
            with _of(self).restricting():
                found: float | None = super().rate()
            return found

        def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
            local_only, send = _of(self), super().send
            return [local_only.send(each, send) for each in messages]

    Restricted.__name__ = Restricted.__qualname__ = found.__name__
    return Restricted


def _of(channel: Any) -> LocalOnly:
    found: LocalOnly = getattr(channel, _ATTRIBUTE)
    return found


def check(event: str, arguments: tuple[Any, ...]) -> None:
    """The hook for audit events of Python. Raise RemoteAccessRefused."""
    if event not in _CONNECTS and event not in _LOOKS_UP and event not in _RUNS:
        return
    local_only = getattr(threading.current_thread(), _ATTRIBUTE, None)
    if local_only is None:
        return
    if event in _RUNS or not _is_local(arguments[1] if event in _CONNECTS else arguments[0]):
        local_only.refuse()


def install() -> None:
    """Enforce the restrictions in this process, until it ends."""
    sys.addaudithook(check)
    start = threading.Thread.start

    def inheriting(thread: threading.Thread) -> None:
        """Start a thread with the restriction of this one: channels send in threads of their own."""
        setattr(thread, _ATTRIBUTE, getattr(threading.current_thread(), _ATTRIBUTE, None))
        start(thread)

    threading.Thread.start = inheriting  # type: ignore[method-assign, assignment]


def _is_local(address: Any) -> bool:
    """Return whether a socket's address or a host name is on this machine, or a socket in its file system."""
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
