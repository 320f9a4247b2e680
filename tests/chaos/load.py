"""The events of a run, and what must come of them. Pure.

Of twelve events after each other three are plain; the route of one waits; two are collected to digests, by a route
each, of which one sends the first event at once; one is of the high and one of the low lane; two are for one
recipient, whose limit lets one of them through; one goes on to its second channel, as the first gets no message; and
two routes claim one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

PLAIN, LATER, HIGH, LOW, LIMITED, ELSEWHERE, SOLD = "plain", "later", "high", "low", "limited", "elsewhere", "sold"
COLLECTED, FIRST_AT_ONCE = "collected", "first_at_once"
KINDS = (
    PLAIN, LATER, COLLECTED, FIRST_AT_ONCE, HIGH, PLAIN, LOW, LIMITED, LIMITED, ELSEWHERE, PLAIN, SOLD,
)  # fmt: skip
_BEYOND = KINDS.index(LIMITED) + 1
"""The place in KINDS of the event whose recipient has another one just before it."""
_DIGESTS = (COLLECTED, FIRST_AT_ONCE)
_COLLECTORS = 5
"""So many people get the digests of each route: few, so that many events of one key are under way at any time."""
_COLLECTOR = "@collected.example.com"


def item(number: int) -> dict[str, Any]:
    """Return the item of the event with this number."""
    is_beyond = number % len(KINDS) == _BEYOND
    return {
        "pk": _recipient(number - is_beyond),
        "sk": "2" if is_beyond else "1",
        "number": number,
        "kind": KINDS[number % len(KINDS)],
        "collector": number // len(KINDS) % _COLLECTORS,
    }


def collector(item: Mapping[str, Any]) -> str:
    """Return who gets the digest that this item's event is in."""
    return f"{item['kind']}-{item['collector']}{_COLLECTOR}"


def contents(mail: Mapping[str, Any]) -> list[str]:
    """Return whose events a mail of SES's journal is about: that of its recipient; of a digest several."""
    if not is_digest(mail):
        return [mail["to"]]
    return [_recipient(int(number)) for number in mail["subject"].split()]


def is_collected(recipient: str) -> bool:
    """Return whether the event with this recipient is told by a digest."""
    return kind_of(recipient) in _DIGESTS


def is_limited(recipient: str) -> bool:
    """Return whether the route that tells this recipient has a limit."""
    return kind_of(recipient) == LIMITED


def is_digest(mail: Mapping[str, Any]) -> bool:
    """Return whether this mail of SES's journal is a digest, also one of a single event."""
    return str(mail["to"]).endswith(_COLLECTOR)


def kind_of(recipient: str) -> str:
    """Return which of KINDS the event of this recipient is."""
    return KINDS[int(recipient.partition("@")[0]) % len(KINDS)]


def beside(recipient: str) -> str:
    """Return who is told beside this recipient, where two routes claim the event."""
    return recipient.replace("@", "@beside.")


def expected(keys: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return who must get a mail because of the records with these keys."""
    found = [key["pk"]["S"] for key in keys if key["sk"]["S"] == "1"]
    return found + [beside(each) for each in found if kind_of(each) == SOLD]


def beyond(keys: Iterable[Mapping[str, Any]]) -> int:
    """Return how many of the records with these keys are beyond a limit."""
    return sum(key["sk"]["S"] == "2" for key in keys)


def notifications(events: int) -> int:
    """Return how many notifications the first so many events become."""
    return events + _before(events, KINDS.index(SOLD))


def mails(events: int) -> int:
    """Return how many mails the first so many events become at least. How many digests there are is not known."""
    return told(events) - sum(_before(events, KINDS.index(kind)) for kind in _DIGESTS)


def told(events: int) -> int:
    """Return how many recipients the first so many events have, each told by one mail."""
    return notifications(events) - _before(events, _BEYOND)


def _recipient(number: int) -> str:
    return f"{number}@example.com"


def _before(events: int, place: int) -> int:
    """Return how many of the first so many events have this place in KINDS."""
    return (events + len(KINDS) - 1 - place) // len(KINDS)
