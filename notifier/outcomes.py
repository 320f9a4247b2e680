"""What became of one request to a provider. A channel answers every message with exactly one of these.

The question that matters is whether the provider may have accepted the request. Only `Unknown` says maybe;
a channel that is not sure must say `Unknown`, never one of the others.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the request. `message_id` is None where the answer came without one."""

    message_id: str | None


@dataclass(frozen=True, slots=True)
class NotSent:
    """Known not accepted, worth another attempt: counts against the route's attempts."""

    reason: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Known not accepted because we are too fast: another attempt later.

    From the one provider of a channel it counts against nothing: all wait together. Where each message has a receiver
    of its own it counts against the route's attempts, for nobody else slows down for this one. `after` is how many
    seconds the provider asks us to wait, None where it does not say.
    """

    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Known not accepted, and nothing else will be until someone acts (account paused, domain unverified).

    Says nothing about the message: another attempt later, and it counts against nothing. The channel is parked.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Offline:
    """Known not sent: this process does not reach the provider. Says nothing about the message or the account.

    Another attempt later, and it counts against nothing; other workers go on.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Late:
    """Known not sent: its turn did not come within the time of its attempt. Says nothing about anybody else.

    Another attempt later, and it counts against nothing.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Known not accepted, and never will be: this message is at fault."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have been accepted; the answer was lost. Never retried blindly."""

    reason: str


LONGEST_REASON = 500
"""Characters."""


def discreet(reason: str, *hidden: str) -> str:
    """What a server or an exception says as a reason may say it: one short line without any of `hidden`.

    Reasons go to logs and to whoever looks at a delivery; recipients, and keys that hide in them, do not.
    """
    for each in sorted(filter(None, hidden), key=len, reverse=True):
        reason = reason.replace(each, "…")
    return "".join(sign if sign.isprintable() else " " for sign in reason[:LONGEST_REASON])


Outcome = Accepted | NotSent | Throttled | Blocked | Offline | Late | Rejected | Unknown
