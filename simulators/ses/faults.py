"""The fault plan: what is to go wrong, for which requests, and how often."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from typing import Any

from simulators.ses.errors import bad_request
from simulators.ses.fields import Json, take, take_number
from simulators.ses.limits import bare
from simulators.ses.mail import Envelope

# What each kind can be told, with its defaults.
KINDS: Mapping[str, Mapping[str, Any]] = {
    "accept_then_cut": {},
    "accept_then_hang": {},
    "truncated": {"body": "cut"},
    "error_after_accept": {"status": 500},
    "error_before_accept": {"status": 503},
    "cut_before_accept": {},
    "throttle": {"message": "Maximum sending rate exceeded."},
    "slow": {"seconds": 1.0},
    "refuse": {"code": "MessageRejected", "message": "The fault plan says so.", "status": 0},
    "entry_status": {"entry_status": "TRANSIENT_FAILURE", "message": "The fault plan says so."},
}
TRUNCATIONS = ("cut", "broken", "empty", "short")
_SHARED = ("kind", "times", "every", "match")
_MATCHES = ("recipient", "nid")


@dataclass(slots=True)
class Rule:
    """One fault. `times` None is for ever; `every` 3 is each third request that matches.

    `entry_status` counts the entries of bulk calls, all others count requests; a bulk call matches when one of
    its entries does.
    """

    kind: str
    times: int | None = None
    every: int = 1
    match: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    seen: int = 0
    fired: int = 0

    def fires(self, envelopes: Sequence[Envelope]) -> bool:
        """Count these, and say whether it is their turn."""
        if self.times is not None and self.fired >= self.times:
            return False
        if self.match and not any(self._matches(envelope) for envelope in envelopes):
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        self.fired += 1
        return True

    def _matches(self, envelope: Envelope) -> bool:
        nid = self.match.get("nid")
        if nid is not None and envelope.tag("nid") != nid:
            return False
        pattern = self.match.get("recipient")
        return pattern is None or any(
            fnmatch(bare(address).lower(), pattern.lower()) for address in envelope.recipients
        )

    def as_json(self) -> dict[str, Any]:
        shown = asdict(self)
        del shown["options"]
        return shown | dict(self.options)


class Plan:
    """The rules in order; the first one whose turn it is wins."""

    def __init__(self) -> None:
        self._requests: list[Rule] = []
        self._entries: list[Rule] = []
        self.fired: Counter[str] = Counter()

    def add(self, rules: Sequence[Rule]) -> None:
        for rule in rules:
            (self._entries if rule.kind == "entry_status" else self._requests).append(rule)

    def clear(self) -> None:
        self._requests.clear()
        self._entries.clear()

    def for_request(self, envelopes: Sequence[Envelope]) -> Rule | None:
        return self._first(self._requests, envelopes)

    def for_entry(self, envelope: Envelope) -> Rule | None:
        return self._first(self._entries, (envelope,))

    def as_json(self) -> list[dict[str, Any]]:
        return [rule.as_json() for rule in (*self._requests, *self._entries)]

    def _first(self, rules: list[Rule], envelopes: Sequence[Envelope]) -> Rule | None:
        rule = next((rule for rule in rules if rule.fires(envelopes)), None)
        if rule is not None:
            self.fired[rule.kind] += 1
        return rule


def rule_from(source: Json) -> Rule:
    """Raises ApiError naming what is wrong with the rule."""
    kind = take(source, "kind", str) or ""
    if kind not in KINDS:
        raise bad_request(f"'kind' must be one of {', '.join(KINDS)}; not {kind!r}")
    defaults = KINDS[kind]
    unknown = sorted(set(source) - set(_SHARED) - set(defaults))
    if unknown:
        raise bad_request(f"{kind} does not know {', '.join(unknown)}; it takes {', '.join(defaults) or 'nothing'}")
    options = {name: _option(source, name, default) for name, default in defaults.items()}
    if options.get("body", "cut") not in TRUNCATIONS:
        raise bad_request(f"'body' must be one of {', '.join(TRUNCATIONS)}")
    every, times = take(source, "every", int), take(source, "times", int)
    if any(number is not None and number < 1 for number in (every, times)):
        raise bad_request("'every' and 'times' must be 1 or more")
    match = take(source, "match", dict) or {}
    if not set(match) <= set(_MATCHES) or not all(isinstance(value, str) for value in match.values()):
        raise bad_request(f"'match' takes {' and '.join(_MATCHES)}, each a string")
    return Rule(kind, times, every or 1, match, options)


def _option(source: Json, name: str, default: Any) -> Any:
    value = take_number(source, name) if isinstance(default, float) else take(source, name, type(default))
    return default if value is None else value
