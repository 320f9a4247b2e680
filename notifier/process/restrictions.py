"""What a set-up that is tried does not send, in words: for logs, the doctor and the console."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import structlog

from notifier.settings.restrictions import RestrictionSettings
from notifier.text import masked

log = structlog.get_logger(__name__)


class ShadowedRoute(Protocol):
    """A route, as far as it is needed here."""

    @property
    def name(self) -> str: ...
    @property
    def may_shadow(self) -> bool: ...


def restrictions(settings: RestrictionSettings, routes: Iterable[ShadowedRoute] = ()) -> Iterator[str]:
    """Yield a sentence for each setting that keeps messages from people, and one for the routes in shadow.

    `routes` are as their module declares them. Nothing is yielded where all messages are sent.
    """
    if settings.shadow:
        yield "NOTIFIER_SHADOW is on: every message is built, and none is sent"
    if settings.shadow_until and not settings.shadow:
        yield f"NOTIFIER_SHADOW_UNTIL is set: messages of events from before {settings.shadow_until} are not sent"
    if settings.shadow_from and not settings.shadow:
        yield f"NOTIFIER_SHADOW_FROM is set: messages of events from {settings.shadow_from} on are not sent"
    if not settings.shadow and (names := [each.name for each in routes if each.may_shadow]):
        yield f"routes in shadow, whose messages are built and not sent: {', '.join(names)}"
    if settings.only_to:
        patterns = ", ".join(map(_masked, settings.only_to))
        yield f"NOTIFIER_ONLY_TO is set: messages go to {patterns} alone; others are skipped"
    if settings.redirect_to:
        targets = ", ".join(f"{name} to {_masked(target)}" for name, target in sorted(settings.redirect_to.items()))
        yield f"NOTIFIER_REDIRECT_TO is set: all messages by {targets}; other channels send nothing"


def _masked(recipient: str) -> str:
    """Return the part of a recipient that a log may have, and all of a pattern unless it may be of URLs."""
    return recipient if "*" in recipient and "/" not in recipient else masked(recipient)


def warn_of_restrictions(settings: RestrictionSettings, routes: Iterable[ShadowedRoute]) -> None:
    """Log a warning for each restriction, so that the log explains why messages do not arrive."""
    for sentence in restrictions(settings, routes):
        log.warning("not all messages are sent to their recipients", restriction=sentence)
