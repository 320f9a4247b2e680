"""Going on to the next channel of a route, once this one is known not to have sent: docs/fallback.md.

What is known is a final status that follows from no lost answer: `failed`, `skipped` because the route returned None,
`suppressed`. It is never an unknown outcome, and never what concerns the event itself (`expired`, a build that kills
its worker) or the set-up (a recipient that NOTIFIER_ONLY_TO does not name).
"""

from collections.abc import Sequence
from functools import cache
from uuid import UUID

from notifier.channels import channel_class
from notifier.errors import SettingsError
from notifier.messages import Email
from notifier.notifications import Status
from notifier.outbox import Attempts, Change, FallBack
from notifier.routes import Route, Routes
from workers.process.database_retry import DatabaseRetry


class Fallback:
    """What follows after one channel. Pure but for `write`, and safe to share between threads."""

    def __init__(self, channel: str) -> None:
        self._channel = channel

    @classmethod
    def of(cls, channel: str, routes: Routes) -> "Fallback | None":
        """Return that of a channel; None if no route goes on from it, so that nothing is looked at."""
        return cls(channel) if any(channel in each.channels[:-1] for each in routes) else None

    def next_of(self, route: Route, *, for_recipient: bool = False) -> str | None:
        """Return the channel after this one, None if there is none.

        `for_recipient`: the recipient is suppressed or gone. Other channels of mail would write to the same address.
        """
        if not route.fallback or self._channel not in route.channels:
            return None
        following = route.channels[route.channels.index(self._channel) + 1 :]
        if for_recipient and sends_mail(self._channel):
            following = tuple(each for each in following if not sends_mail(each))
        return following[0] if following else None

    def after(self, change: Change, route: Route) -> Change:
        """Return the change, as a `FallBack` if it is a known failure and there is a next channel."""
        if change.to not in (Status.FAILED, Status.SKIPPED):
            return change
        channel = self.next_of(route, for_recipient=change.gone)
        return change if channel is None else _to(change, channel)

    def spared(self, routes: Sequence[tuple[UUID, Route]]) -> list[UUID]:
        """Return the ids of those that go on if their recipient is suppressed."""
        return [id_ for id_, route in routes if self.next_of(route, for_recipient=True)]

    def suppressed(self, id_: UUID, route: Route, reason: str) -> Change:
        """Return the change of a delivery whose recipient is suppressed on this channel."""
        change = Change(id_, Status.SUPPRESSED, reason=reason, route=route.name)
        channel = self.next_of(route, for_recipient=True)
        return change if channel is None else _to(change, channel)


def _to(change: Change, channel: str) -> FallBack:
    return FallBack(
        change.id,
        change.to,
        failed=change.failed,
        reason=_CALLED.get(change.to, "") + (change.reason or ""),
        detail=change.detail,
        gone=change.gone,
        route=change.route,
        next=channel,
    )


_CALLED = {Status.SUPPRESSED: "suppressed, "}


def write(
    attempts: Attempts, changes: Sequence[Change], retry: DatabaseRetry, token: UUID | None = None
) -> tuple[list[Change], list[Change]]:
    """Write those that go on to another channel. Return them as pending, and the changes that are left to write."""
    wanted = [each for each in changes if isinstance(each, FallBack)]
    if not wanted:
        return [], list(changes)
    moved = retry.run(lambda: attempts.fall_back(wanted, token, again=retry.repeated))
    done = [
        Change(each.id, Status.PENDING, failed=each.failed, delay=0.0, reason=each.reason, route=each.route)
        for each in wanted
        if each.id in moved
    ]
    return done, [each for each in changes if each.id not in moved]


@cache
def sends_mail(channel: str) -> bool:
    """Return whether a channel sends mail, so that its recipients are those of the other channels that do."""
    try:
        return channel_class(channel).request_type is Email
    except SettingsError:
        return False
