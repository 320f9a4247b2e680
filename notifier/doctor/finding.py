"""What a check found: one sentence, how good that is, and what to do about it. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How good a finding is, from good to wrong."""

    GOOD = "good"
    UNKNOWN = "not known"
    """It cannot be known from here, or something that it depends on is wrong. It needs no action."""
    DOUBTFUL = "doubtful"
    """It works, but not as it should; or the login lacks the right to look."""
    WRONG = "wrong"
    """Notifier does not start, loses messages or sends them twice."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` and `remedy` are each one line, without a secret. `page` is the page of the documentation about it."""

    level: Level
    what: str
    remedy: str = ""
    page: str = ""


class CheckEnded(Exception):
    """A check cannot go on. Its last finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.what)
        self.finding = finding


def good(what: str) -> Finding:
    return Finding(Level.GOOD, what)


def not_known(what: str, remedy: str = "") -> Finding:
    return Finding(Level.UNKNOWN, what, remedy)


def doubtful(what: str, remedy: str, page: str = "") -> Finding:
    return Finding(Level.DOUBTFUL, what, remedy, page)


def wrong(what: str, remedy: str, page: str = "") -> Finding:
    return Finding(Level.WRONG, what, remedy, page)
