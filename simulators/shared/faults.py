"""Fault plans: which requests of a simulator fail, how, and how often.

A plan is a list of rules, given as JSON to `POST /_sim/faults`. This one makes the simulator answer the next two
requests that match after it has processed them, by resetting the connection:

    [{"kind": "accept_then_cut", "times": 2, "match": {"recipient": "*@example.com"}}]

Each simulator has its own kinds and its own members of `match`: see `simulators.ses.faults` and
`simulators.streams.faults`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from simulators.http.replies import Delayed, NoReply, Reply, Reset, Response, Truncated
from simulators.shared.errors import ApiError, invalid
from simulators.shared.fields import Json, Kind, take_only_members

MESSAGE = "The fault plan says so."
_MEMBERS: Mapping[str, Kind] = {"kind": str, "times": int, "every": int, "match": dict}

Match = Mapping[str, str]
MakeResponse = Callable[[], Response]
"""Processes the request and returns its response."""


@dataclass(slots=True)
class Rule:
    """One fault. `times` is how often it happens, None for always; `every` 3 means each third request that matches.

    `seen` and `fired` count the requests that matched and those that failed.
    """

    kind: str
    times: int | None = None
    every: int = 1
    match: Match = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    seen: int = 0
    fired: int = 0

    def fires(self, matches: Callable[[Match], bool]) -> bool:
        """Count a request if it matches; True if it must fail."""
        if self.spent:
            return False
        if self.match and not matches(self.match):
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        self.fired += 1
        return True

    @property
    def spent(self) -> bool:
        """Whether it has happened as often as it may."""
        return self.times is not None and self.fired >= self.times

    def as_json(self) -> dict[str, Any]:
        shown = asdict(self)
        del shown["options"]
        return shown | dict(self.options)


Effect = Callable[[Rule, MakeResponse], Reply]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What a fault does to a request. `options` are further members of its rules, with their defaults.

    `effect` is None for kinds that the simulator's API applies itself. `match` is what its rules match unless they
    say otherwise.
    """

    effect: Effect | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    match: Match = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FaultKinds:
    """The faults of one simulator: kinds by name, the members of `match`, and the values of `truncated`'s `body`."""

    kinds: Mapping[str, FaultKind]
    matches: Sequence[str]
    bodies: Sequence[str]

    def rule(self, source: Json) -> Rule:
        """Return the rule that is written in `source`. Raise ApiError that names the mistake."""
        kind = source.get("kind")
        if not isinstance(kind, str) or kind not in self.kinds:
            raise invalid(f"'kind' must be one of {', '.join(self.kinds)}; not {kind!r:.40}")
        defaults = self.kinds[kind].options
        given = take_only_members(source, {**_MEMBERS, **{name: type(value) for name, value in defaults.items()}})
        every, times, match = given.get("every", 1), given.get("times"), given.get("match", {})
        if every < 1 or (times is not None and times < 1):
            raise invalid("'every' and 'times' must be 1 or more")
        if not set(match) <= set(self.matches) or not all(isinstance(value, str) for value in match.values()):
            raise invalid(f"'match' takes {', '.join(self.matches)}, each a string")
        options = {name: given.get(name, default) for name, default in defaults.items()}
        if options.get("body", self.bodies[0]) not in self.bodies or options.get("seconds", 0.0) < 0:
            raise invalid(f"'body' must be one of {', '.join(self.bodies)}, and 'seconds' 0 or more")
        return Rule(kind, times, every, {**self.kinds[kind].match, **match}, options)

    def apply(self, rule: Rule | None, make: MakeResponse) -> Reply:
        """Return the reply to a request under this rule, or without a fault. Raise ApiError if the fault is an error.

        Calls `make` at most once, now or after a delay; not at all if the request fails before it is processed.
        """
        if rule is None:
            return make()
        effect = self.kinds[rule.kind].effect
        assert effect is not None, f"{rule.kind} is applied by the API"  # noqa: S101
        return effect(rule, make)


class Plan:
    """The rules that are in force, in order. A request fails by the first rule that fires."""

    def __init__(self, faults: FaultKinds) -> None:
        self.faults = faults
        self.rules: list[Rule] = []
        self.fired: Counter[str] = Counter()

    def add(self, sources: Sequence[Json]) -> None:
        """Add these rules, and forget those that are spent: each request asks every rule.

        Raise ApiError, and add none, if one of them is wrong.
        """
        added = [self.faults.rule(source) for source in sources]
        self.rules = [rule for rule in self.rules if not rule.spent] + added

    def clear(self) -> None:
        """End all faults."""
        self.rules.clear()

    def reset(self) -> None:
        """End all faults and forget how many there were."""
        self.rules.clear()
        self.fired.clear()

    def next(
        self, matches: Callable[[Match], bool], kinds: Collection[str] | None = None, *, member: str = ""
    ) -> Rule | None:
        """Return the rule by which this request fails, None if it does not.

        Only rules of `kinds` count, if given, and only those whose `match` has this `member`, if given.
        """
        for rule in self.rules:
            if member and member not in rule.match:
                continue
            if (kinds is None or rule.kind in kinds) and rule.fires(matches):
                self.fired[rule.kind] += 1
                return rule
        return None

    def as_json(self) -> list[dict[str, Any]]:
        return [rule.as_json() for rule in self.rules]


def reset_before(_rule: Rule, _make: MakeResponse) -> Reply:
    """Reset the connection; the request is not processed."""
    return Reset()


def reset_after(_rule: Rule, make: MakeResponse) -> Reply:
    """Process the request, then reset the connection."""
    make()
    return Reset()


def no_reply_after(_rule: Rule, make: MakeResponse) -> Reply:
    """Process the request and never answer."""
    make()
    return NoReply()


def delay(rule: Rule, make: MakeResponse) -> Reply:
    """Process the request after `seconds`."""
    return Delayed(rule.options["seconds"], make)


def truncate(rule: Rule, make: MakeResponse) -> Reply:
    """Process the request, then send half of the body: as a whole response if `body` is "broken", else cut off."""
    response = make()
    if rule.options["body"] == "broken":
        return response._replace(body=response.body[: len(response.body) // 2])
    return Truncated(response)


def refuse(rule: Rule, _make: MakeResponse) -> Reply:
    """Answer with the error of the rule; the request is not processed."""
    raise ApiError(rule.options["code"], rule.options["message"], rule.options.get("status") or None)
