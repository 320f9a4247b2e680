"""The outcome of one request to a provider. A channel returns exactly one of these for every message.

Each says whether the provider may have accepted the request: `Accepted` yes, `Unknown` perhaps, all others no. A
channel that is not sure must return `Unknown`. "Counts" below means: against the attempts of the route's RetryPolicy.

Example:
    if response.status_code == 200:
        return Accepted(response.json()["id"])
    if response.status_code == 429:
        return Throttled(discreet(response.text, message.request.to), after=30.0)
    return Unknown(discreet(response.text, message.request.to))
"""

from dataclasses import dataclass

from notifier.process.frozen import quick_init


@quick_init
@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider accepted the request. `message_id` is the provider's; None if the answer has none."""

    message_id: str | None


@dataclass(frozen=True, slots=True)
class NotSent:
    """Known not accepted, and another attempt may succeed. Counts."""

    reason: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Known not accepted because of too many requests. Another attempt follows later.

    On a channel with one provider it does not count, and all messages of the channel wait. On a channel where each
    message has a receiver of its own it counts. `after` is the number of seconds that the provider asks to wait; None
    if it gives none.
    """

    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Known not accepted, and no message will be until an operator acts (account paused, domain not verified).

    It does not count. The channel is parked: it tries one message at a time, at intervals. Not with `within`: then
    only the messages of that part of the account are refused, of one tenant for instance, and the others go on.
    """

    reason: str
    within: str = ""


@dataclass(frozen=True, slots=True)
class Offline:
    """Known not sent: this process cannot connect to the provider. Other workers continue.

    It does not count. Another attempt follows later.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Late:
    """Known not sent: the time of its attempt was over before its request started.

    It does not count. Another attempt follows later.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Known not accepted, and no worker's attempt will ever be. The delivery of the message has failed.

    `gone`: the recipient does not exist any more, as a device that has removed the app. It is suppressed.
    """

    reason: str
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have been accepted: the answer was lost. The channel's capability decides what happens."""

    reason: str


LONGEST_REASON = 500
"""Characters of a reason that are kept."""


def discreet(reason: str, *hidden: str) -> str:
    """Return the text of a server or an exception as a reason: one line of at most 500 characters, without `hidden`.

    Reasons are logged and shown to operators. Recipients, and keys that are part of them, must not be.
    """
    for each in sorted(filter(None, hidden), key=len, reverse=True):
        reason = reason.replace(each, "…")
    return "".join(sign if sign.isprintable() else " " for sign in reason[:LONGEST_REASON])


Outcome = Accepted | NotSent | Throttled | Blocked | Offline | Late | Rejected | Unknown
