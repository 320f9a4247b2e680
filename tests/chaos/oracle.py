"""What a run proved. Pure: a history in, a finding out.

The words are those of Jepsen's checker of a queue. Expected is what DynamoDB acknowledged, observed is SES's own
journal; our tables are asked only whether they say the same.
"""

from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.blows import counted
from tests.chaos.history import History

_SENT = ("sent", "delivered", "bounced", "complained")


@dataclass(frozen=True)
class Finding:
    """`recovered`: the answer was lost or the worker died in mid-air, and still it came out exactly once. `wrong`
    says what else must not be.
    """

    events: int
    kills: int
    cuts: int
    accepted: int
    lost: int
    unexpected: int
    duplicated: int
    recovered: int
    unknown: int
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """A run that accepted nothing proves nothing."""
        return self.accepted > 0 and not (
            self.lost or self.unexpected or self.duplicated or self.unknown or self.wrong
        )


def judge(history: History) -> Finding:
    expected = Counter(history.expected)
    mails = Counter(line["to"] for line in history.journal)
    ledger = history.ledger
    return Finding(
        events=len(expected),
        kills=counted(history.blows, "kill", "stop", "server"),
        cuts=counted(history.blows, "cut"),
        accepted=len(expected.keys() & mails.keys()),
        lost=len(expected.keys() - mails.keys()),
        unexpected=sum(count for to, count in mails.items() if to not in expected),
        duplicated=sum(count - 1 for to, count in mails.items() if to in expected),
        recovered=len({to for to in ledger["once_unknown"] if mails[to] == 1}),
        unknown=ledger["statuses"].get("unknown", 0),
        wrong=list(_wrong(history, mails)),
    )


def _wrong(history: History, mails: Counter[str]) -> list[str]:
    """What our own tables must not say."""
    ledger, found = history.ledger, []
    twice = [to for to, count in Counter(history.expected).items() if count > 1]
    if twice:
        found.append(f"the feed is at fault: {len(twice)} recipients of two events")
    if open_ := {status: n for status, n in ledger["statuses"].items() if status not in _SENT}:
        found.append(f"not settled: {open_}")
    if differing := set(ledger["sent"]) ^ mails.keys():
        found.append(f"our tables and SES's journal differ in {len(differing)}: {sorted(differing)[:5]}")
    found += [
        f"{name}: {rows[:5]}" for name in ("stranded", "unbalanced", "gaps", "quarantine") if (rows := ledger[name])
    ]
    return found
