"""The fault plan: what is to go wrong, for which calls, and how often."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatch
from typing import Any

from simulators.streams.call import Call
from simulators.streams.errors import ApiError, expired, invalid, no_shard, trimmed
from simulators.streams.fields import Json, Kind, only

_TOLD = "The fault plan says so."

# What each kind can be told, with its defaults.
KINDS: Mapping[str, Mapping[str, Any]] = {
    "throttle": {"code": "ThrottlingException", "message": "Rate exceeded"},
    "error": {"code": "InternalServerError", "message": _TOLD, "status": 500},
    "refuse": {"code": "AccessDeniedException", "message": _TOLD, "status": 400},
    "expired": {},
    "trimmed": {},
    "not_found": {},
    "empty": {},
    "slow": {"seconds": 1.0},
    "hang": {},
    "cut": {},
    "lost": {},
    "truncated": {"body": "cut"},
}
# The calls that AWS answers so, unless the rule names others.
_USUAL: Mapping[str, str] = {"expired": "GetRecords", "empty": "GetRecords", "trimmed": "Get*", "not_found": "Get*"}
TRUNCATIONS = ("cut", "broken")
_SHARED: Mapping[str, Kind] = {"kind": str, "times": int, "every": int, "match": dict}
_MATCHES = tuple(each.name for each in fields(Call))


@dataclass(slots=True)
class Rule:
    """One fault. `times` None is for ever; `every` 3 is each third call that matches. `match` has patterns, as file
    names have them, for the operation, the table and the shard.
    """

    kind: str
    times: int | None = None
    every: int = 1
    match: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    seen: int = 0
    fired: int = 0

    def fires(self, call: Call) -> bool:
        """Count the call, and say whether it is its turn."""
        if self.times is not None and self.fired >= self.times:
            return False
        if not all(fnmatch(getattr(call, name), pattern) for name, pattern in self.match.items()):
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        self.fired += 1
        return True

    def refusal(self) -> ApiError | None:
        """The error that is the whole answer; None where the fault is of another nature."""
        match self.kind:
            case "throttle" | "error" | "refuse":
                return ApiError(self.options["code"], self.options["message"], self.options.get("status"))
            case "expired":
                return expired()
            case "trimmed":
                return trimmed()
            case "not_found":
                return no_shard()
        return None

    def as_json(self) -> dict[str, Any]:
        shown = asdict(self)
        del shown["options"]
        return shown | dict(self.options)


class Plan:
    """The rules in order; the first one whose turn it is wins."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self.fired: Counter[str] = Counter()

    def add(self, rules: Sequence[Rule]) -> None:
        self._rules += rules

    def clear(self) -> None:
        self._rules.clear()

    def turn(self, call: Callable[[], Call]) -> Rule | None:
        """`call` is asked only where there are rules."""
        if not self._rules:
            return None
        told = call()
        rule = next((rule for rule in self._rules if rule.fires(told)), None)
        if rule is not None:
            self.fired[rule.kind] += 1
        return rule

    def as_json(self) -> list[dict[str, Any]]:
        return [rule.as_json() for rule in self._rules]


def rule_from(source: Json) -> Rule:
    """Raises ApiError naming what is wrong with the rule."""
    kind = source.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise invalid(f"'kind' must be one of {', '.join(KINDS)}; not {kind!r:.40}")
    defaults = KINDS[kind]
    given = only(source, {**_SHARED, **{name: type(value) for name, value in defaults.items()}})
    every, times, match = given.get("every", 1), given.get("times"), given.get("match", {})
    if every < 1 or (times is not None and times < 1):
        raise invalid("'every' and 'times' must be 1 or more")
    if not set(match) <= set(_MATCHES) or not all(isinstance(value, str) for value in match.values()):
        raise invalid(f"'match' takes {', '.join(_MATCHES)}, each a string")
    options = {name: given.get(name, default) for name, default in defaults.items()}
    if options.get("body", "cut") not in TRUNCATIONS or options.get("seconds", 0.0) < 0:
        raise invalid(f"'body' must be one of {', '.join(TRUNCATIONS)}, and 'seconds' 0 or more")
    usual = {"operation": _USUAL[kind]} if kind in _USUAL else {}
    return Rule(kind, times, every, {**usual, **match}, options)
