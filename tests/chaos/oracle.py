"""What a run proved. Pure: a history in, a finding out.

The words are those of Jepsen's checker of a queue. Expected is what DynamoDB acknowledged, observed is SES's own
journal; our tables are asked only whether they say the same.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tests.chaos.environment import LEASE
from tests.chaos.faults.kinds import GROUPS, POSTGRES_FAILOVER, counted
from tests.chaos.faults.replica import LateProxy
from tests.chaos.history import History
from tests.chaos.load import ELSEWHERE, HIGH, LOW, contents, is_collected, is_digest, is_limited, kind_of

FAILOVER_SECONDS = 15.0
"""After this the path must work again."""
_STRUCK_SECONDS = 0.5
"""By then the old primary is dead: what begins later begins on the new one."""
_FORGETS_SECONDS = LateProxy.delay + 1.0
"""How long before a failover a commit may be that an asynchronous replica does not have."""
_FINAL = ("sent", "delivered", "bounced", "complained", "skipped", "merged")


@dataclass(frozen=True)
class Finding:
    """`scheduled_faults` were drawn by the seed and injected; `kills` and `cuts` are two kinds of them.
    `single_faults` are those that reached a process, each counted for itself: the kills, `connections_cut`,
    `connections_delayed` and `calls_failed`, which a simulator or a proxy refused, delayed or did not answer by a
    rule. `recovered`: the answer was lost or the worker died in mid-air, and still it came out exactly once.
    `failovers` of Postgres, and the `slowest_failover` in seconds: from the fault until the path worked again.
    `merged` are events that are in a digest which another one leads; each event of a digest counts as a mail.
    `digests` are such mails, and `high_lane` and `low_lane` mails of these lanes; of the notifications `later` are
    those that waited because their route said so, `fallback` those that went on to their second channel.
    `uncounted` are the second mails that our tables do not know of; `collected_again` are those that are not among
    them because they are documented: events of digests whose beginning a failover has lost, and messages of a route
    with a limit whose place it has lost. `wrong` says what else must not be.
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
    scheduled_faults: int = 0
    single_faults: int = 0
    connections_cut: int = 0
    connections_delayed: int = 0
    calls_failed: int = 0
    merged: int = 0
    digests: int = 0
    high_lane: int = 0
    low_lane: int = 0
    later: int = 0
    fallback: int = 0
    uncounted: int = 0
    collected_again: int = 0
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
    mails = Counter(to for line in history.journal for to in contents(line))
    ledger = history.ledger
    seconds = list(_failovers(history))
    uncounted = {to: mails[to] - 1 - ledger["counted"].get(to, 0) for to in expected.keys() & mails.keys()}
    again = _collected_again(history, uncounted)
    kills = counted(history.faults, "kill", "stop", "server", "failover")
    harmed: dict[str, int] = history.run.get("harmed", {})
    kinds = Counter(kind_of(to) for to in expected.keys() & mails.keys())
    return Finding(
        events=len(expected),
        kills=kills,
        cuts=counted(history.faults, "cut"),
        accepted=len(expected.keys() & mails.keys()),
        lost=len(expected.keys() - mails.keys()),
        unexpected=sum(count for to, count in mails.items() if to not in expected),
        duplicated=sum(count - 1 for to, count in mails.items() if to in expected),
        recovered=len({to for to in ledger["once_unknown"] if mails[to] == 1}),
        unknown=ledger["statuses"].get("unknown", 0),
        scheduled_faults=counted(history.faults, *GROUPS),
        single_faults=kills + sum(harmed.values()),
        **harmed,
        digests=sum(map(is_digest, history.journal)),
        high_lane=kinds[HIGH],
        low_lane=kinds[LOW],
        later=ledger.get("waited", 0),
        fallback=ledger.get("gone_on", 0),
        merged=ledger["statuses"].get("merged", 0),
        uncounted=sum(max(0, number) for number in uncounted.values()) - again.total(),
        collected_again=again.total(),
        failovers=counted(history.faults, POSTGRES_FAILOVER),
        slowest_failover=round(max(seconds, default=0.0), 1),
        wrong=list(_wrong(history, mails, again)),
    )


def _collected_again(history: History, uncounted: Mapping[str, int]) -> Counter[str]:
    """Of the uncounted second mails those of events in a digest that was begun just before a failover lost commits.

    Nothing says then with which events it was begun: they are collected anew (docs/digest.md). Nor does anything say
    that a message had a place of its limit: another may take it (docs/limits.md). Of each event at most
    so many are forgiven as mails with it were accepted when the commit of their beginning may have been lost.
    """
    if history.run.get("replica") != "asynchronous":
        return Counter()
    moments = [fault["moment"] for fault in history.faults if counted([fault], POSTGRES_FAILOVER)]
    lost = Counter(
        to
        for line in history.journal
        if any(-_FORGETS_SECONDS <= _seconds(line["time"]) - moment <= LEASE for moment in moments)
        for to in contents(line)
        if is_collected(to) or is_limited(to)
    )
    return lost & Counter({to: number for to, number in uncounted.items() if number > 0})


def _failovers(history: History) -> Iterator[float]:
    """The seconds until the path worked again after each failover of Postgres that events were written after.

    It works once an event that was written after the fault is recorded, and a mail is accepted whose attempt began
    after the fault. The first mail of a later event would say less: older events are sent first, and other faults may
    have left many of them.
    """
    path: dict[str, tuple[float, float | None]] = history.ledger.get("path", {})
    arrivals = {  # the last of each
        to: _seconds(line["time"]) for line in history.journal if "time" in line for to in contents(line)
    }
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


def _wrong(history: History, mails: Counter[str], again: Counter[str]) -> list[str]:
    """What our own tables must not say."""
    ledger, found = history.ledger, []
    twice = [to for to, count in Counter(history.expected).items() if count > 1]
    if history.run.get("replica") != "asynchronous" and any(count > 1 for count in mails.values()):
        found.append("second mails, though no commit was lost")
    found += [f"a failover took {each:.0f} s" for each in _failovers(history) if each > FAILOVER_SECONDS]
    if twice:
        found.append(f"the feed is at fault: {len(twice)} recipients of two events")
    skipped, beyond = ledger["statuses"].get("skipped", 0), history.run.get("beyond_limit", 0)
    if skipped + sum(count for to, count in again.items() if is_limited(to)) != beyond:
        found.append(f"{skipped} are skipped, and {beyond} are beyond a limit")
    elsewhere = sum(kind_of(to) == ELSEWHERE for to in set(history.expected))
    if ledger.get("gone_on", elsewhere) != elsewhere:
        found.append(f"{ledger['gone_on']} went on to their second channel, and {elsewhere} have to")
    if open_ := {status: n for status, n in ledger["statuses"].items() if status not in _FINAL}:
        found.append(f"not settled: {open_}: {ledger.get('not_sent', [])[:5]}")
    if differing := set(ledger["sent"]) ^ mails.keys():
        found.append(f"our tables and SES's journal differ in {len(differing)}: {sorted(differing)[:5]}")
    if misplaced := sorted(_misplaced(history)):
        found.append(f"{len(misplaced)} events are not in the mail that our tables say: {misplaced[:5]}")
    found += [
        f"{name}: {rows[:5]}" for name in ("stranded", "unbalanced", "gaps", "quarantine") if (rows := ledger[name])
    ]
    return found


def _misplaced(history: History) -> set[str]:
    """Return the events that are not in the mail of the notification that our tables name: its own or its leader."""
    mails = {(line.get("nid"), to) for line in history.journal for to in contents(line)}
    return {to for to, id_ in history.ledger.get("mail_of", {}).items() if (id_, to) not in mails}
