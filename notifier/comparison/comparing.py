"""Reads what was shadowed and what was sent, and says where they differ."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import IO, Any, Self

from notifier.channels import address_of
from notifier.comparison.file import LONGEST_TEXT, WrongLine, read
from notifier.comparison.keys import key_of
from notifier.comparison.matching import Compared
from notifier.comparison.store import Store
from notifier.database.engine import Engine
from notifier.errors import UsageError
from notifier.notifications import created_ms
from notifier.outbox.shadow.shadowed import Shadowed

_MOST_WRONG = 20
"""Wrong lines that are kept for the report. All are counted."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is compared: messages of one channel, of one `route` unless it is empty, and from `since` on and before
    `until`; None is the first and the last time in the file. `by` are the attributes that the file's key consists of,
    see `key_of`. A message may have its other half up to `margin` before or after that time.
    """

    channel: str
    route: str
    by: Sequence[str]
    since: datetime | None
    until: datetime | None
    margin: timedelta


@dataclass(slots=True)
class Summary:
    """The counts of a comparison: `lines` of the file and `shadowed` messages, of which `same` and `different` are
    pairs. A pair counts if one of its halves is of the time that is compared. `others` are not shadowed.
    """

    since: datetime | None = None
    until: datetime | None = None
    lines: int = 0
    wrong_lines: int = 0
    shadowed: int = 0
    without_key: int = 0
    same: int = 0
    different: int = 0
    only_shadowed: int = 0
    only_sent: int = 0
    others: dict[str, int] = field(default_factory=dict)

    @property
    def found(self) -> int:
        """How many differences there are."""
        return self.different + self.only_shadowed + self.only_sent

    @property
    def agrees(self) -> bool:
        """Whether both sides were read completely and have the same messages."""
        return not (self.found or self.wrong_lines or self.without_key)


class Comparison:
    """One comparison: `read`, then `read_shadowed`, then `differences` to their end. Its memory is bounded."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._store = Store()
        self.summary = Summary(options.since, options.until)
        self.wrong: list[WrongLine] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()

    def read(self, file: IO[bytes]) -> None:
        """Read what the older system sent. Raise UsageError if there is no time to compare."""
        first: datetime | None = None
        last: datetime | None = None

        def messages() -> Iterator[Compared]:
            nonlocal first, last
            for each in read(file, partial(address_of, self._options.channel)):
                if isinstance(each, WrongLine):
                    self._note(each)
                elif self._near(each.at):
                    first, last = min(first or each.at, each.at), max(last or each.at, each.at)
                    yield each

        self._store.add("sent", messages())
        summary = self.summary
        summary.since = summary.since or first
        summary.until = summary.until or (last + timedelta(seconds=1) if last else None)
        if summary.since is None or summary.until is None:
            raise UsageError(
                "the file has no message that can be read"
                + "".join(f"; line {each.number}: {each.error}" for each in self.wrong[:1])
                + "; --since and --until say of which time the shadowed messages are"
            )

    def read_shadowed(self, engine: Engine) -> None:
        """Read what was shadowed."""
        summary, margin = self.summary, self._options.margin
        assert summary.since and summary.until  # noqa: S101, PT018  `read` found them
        since, until = summary.since - margin, summary.until + margin
        channel, route = self._options.channel, self._options.route
        self._store.add("shadowed", self._shadowed(Shadowed(engine, channel, since=since, until=until, route=route)))
        inside = Shadowed(engine, channel, since=summary.since, until=summary.until, route=route)
        summary.others = dict(inside.others())

    def differences(self) -> Iterator[dict[str, Any]]:
        """Yield each difference, and count it in the summary."""
        summary = self.summary
        for pair in self._store.pairs():
            if not (self._inside(pair.shadowed.at) or self._inside(pair.sent.at)):
                continue
            summary.shadowed += 1
            summary.lines += 1
            if pair.differing:
                summary.different += 1
                yield _difference(" and ".join(pair.differing), pair.shadowed, pair.sent)
            else:
                summary.same += 1
        for message in self._inside_of(self._store.alone("shadowed")):
            summary.only_shadowed += 1
            summary.shadowed += 1
            yield _difference("only shadowed", message, None)
        for message in self._inside_of(self._store.alone("sent")):
            summary.only_sent += 1
            summary.lines += 1
            yield _difference("only in the file", None, message)

    def _shadowed(self, found: Shadowed) -> Iterator[Compared]:
        for each in found.messages():
            at = datetime.fromtimestamp(created_ms(each.id) / 1000, UTC)
            key = key_of(each, self._options.by)
            if key is not None:
                for recipient in (each.recipient, *each.further):
                    yield Compared(key, recipient, each.subject[:LONGEST_TEXT], at, str(each.id))
            else:
                self.summary.without_key += self._inside(at)

    def _note(self, line: WrongLine) -> None:
        self.summary.wrong_lines += 1
        if len(self.wrong) < _MOST_WRONG:
            self.wrong.append(line)

    def _near(self, at: datetime) -> bool:
        margin, given = self._options.margin, self._options
        return (given.since is None or at >= given.since - margin) and (
            given.until is None or at < given.until + margin
        )

    def _inside(self, at: datetime) -> bool:
        since, until = self.summary.since, self.summary.until
        return (since is None or at >= since) and (until is None or at < until)

    def _inside_of(self, messages: Iterable[Compared]) -> Iterator[Compared]:
        return (each for each in messages if self._inside(each.at))


def _difference(kind: str, ours: Compared | None, theirs: Compared | None) -> dict[str, Any]:
    one = ours or theirs
    assert one  # noqa: S101  one side at least has it
    return {
        "difference": kind,
        "key": one.key,
        "shadowed_to": ours and ours.recipient,
        "sent_to": theirs and theirs.recipient,
        "shadowed_subject": ours and ours.subject,
        "sent_subject": theirs and theirs.subject,
        "shadowed_at": ours and ours.at,
        "sent_at": theirs and theirs.at,
        "notification_id": ours and ours.place,
        "line": theirs and int(theirs.place),
    }
