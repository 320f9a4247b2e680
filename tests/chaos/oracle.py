"""What a run proved. Pure: a history in, a finding out.

The words are those of Jepsen's checker of a queue. Expected is what DynamoDB acknowledged, observed is SES's own
journal; our tables are asked only whether they say the same.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tests.chaos.faults.kinds import POSTGRES_FAILOVER, counted
from tests.chaos.history import History

FAILOVER_SECONDS = 15.0
"""After this the path must work again."""
_STRUCK_SECONDS = 0.5
"""By then the old primary is dead: what begins later begins on the new one."""
_SENT = ("sent", "delivered", "bounced", "complained")


@dataclass(frozen=True)
class Finding:
    """`recovered`: the answer was lost or the worker died in mid-air, and still it came out exactly once. `failovers`
    of Postgres, and the `slowest_failover` in seconds: from the fault until the path worked again. `uncounted` are
    the second mails that our tables do not know of. `wrong` says what else must not be.
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
    uncounted: int = 0
    failovers: int = 0
    slowest_failover: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """A run that accepted nothing proves nothing."""
        return self.accepted > 0 and not (
            self.lost or self.unexpected or self.uncounted or self.unknown or self.wrong
        )


def judge(history: History) -> Finding:
    expected = Counter(history.expected)
    mails = Counter(line["to"] for line in history.journal)
    ledger = history.ledger
    seconds = list(_failovers(history))
    return Finding(
        events=len(expected),
        kills=counted(history.faults, "kill", "stop", "server", "failover"),
        cuts=counted(history.faults, "cut"),
        accepted=len(expected.keys() & mails.keys()),
        lost=len(expected.keys() - mails.keys()),
        unexpected=sum(count for to, count in mails.items() if to not in expected),
        duplicated=sum(count - 1 for to, count in mails.items() if to in expected),
        recovered=len({to for to in ledger["once_unknown"] if mails[to] == 1}),
        unknown=ledger["statuses"].get("unknown", 0),
        uncounted=sum(max(0, mails[to] - 1 - ledger["counted"].get(to, 0)) for to in expected.keys() & mails.keys()),
        failovers=counted(history.faults, POSTGRES_FAILOVER),
        slowest_failover=round(max(seconds, default=0.0), 1),
        wrong=list(_wrong(history, mails)),
    )


def _failovers(history: History) -> Iterator[float]:
    """The seconds until the path worked again after each failover of Postgres that events were written after.

    It works once an event that was written after the fault is recorded, and a mail is accepted whose attempt began
    after the fault. The first mail of a later event would say less: older events are sent first, and other faults may
    have left many of them.
    """
    path: dict[str, tuple[float, float | None]] = history.ledger.get("path", {})
    arrivals = {line["to"]: _seconds(line["time"]) for line in history.journal if "time" in line}  # the last of each
    for fault in history.faults:
        if not counted([fault], POSTGRES_FAILOVER) or not path or fault["fed"] >= history.run["events"]:
            continue
        recorded = (at for to, (at, _) in path.items() if _number(to) >= fault["fed"] and at >= fault["moment"])
        dead = fault["moment"] + _STRUCK_SECONDS
        accepted = (arrivals[to] for to, (_, begun) in path.items() if begun and begun >= dead and to in arrivals)
        works = max(min(recorded, default=float("inf")), min(accepted, default=float("inf")))
        yield works - fault["moment"]


def _number(recipient: str) -> int:
    return int(recipient.partition("@")[0])


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _wrong(history: History, mails: Counter[str]) -> list[str]:
    """What our own tables must not say."""
    ledger, found = history.ledger, []
    twice = [to for to, count in Counter(history.expected).items() if count > 1]
    if history.run.get("replica") != "asynchronous" and any(count > 1 for count in mails.values()):
        found.append("second mails, though no commit was lost")
    found += [f"a failover took {each:.0f} s" for each in _failovers(history) if each > FAILOVER_SECONDS]
    if twice:
        found.append(f"the feed is at fault: {len(twice)} recipients of two events")
    if open_ := {status: n for status, n in ledger["statuses"].items() if status not in _SENT}:
        found.append(f"not settled: {open_}: {ledger.get('not_sent', [])[:5]}")
    if differing := set(ledger["sent"]) ^ mails.keys():
        found.append(f"our tables and SES's journal differ in {len(differing)}: {sorted(differing)[:5]}")
    found += [
        f"{name}: {rows[:5]}" for name in ("stranded", "unbalanced", "gaps", "quarantine") if (rows := ledger[name])
    ]
    return found
