"""The result of an attempt, or of a decision not to send, and its columns in the statements that write it.

change.sql is the part that decide.sql, finish.sql and finish_late.sql have in common.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

from notifier.database.arrays import uuids
from notifier.notifications import Status
from notifier.process.frozen import quick_init


@quick_init
@dataclass(frozen=True, slots=True)
class Change:
    """A delivery's new status, and what is stored with it.

    `failed` adds one to the delivery's failures. `delay` is seconds until the next attempt, for a change to pending.
    `message_id` is the provider's. `reason` is one line, `detail` a traceback or the provider's answer. `gone`, for a
    change to failed: the recipient does not exist any more, and is suppressed. `route` is for counters only, and is
    not stored.

        Change(id, Status.SENT, message_id="0100018c...")
        Change(id, Status.PENDING, failed=True, delay=30.0, reason="the provider answered 503")
    """

    id: UUID
    to: Status
    failed: bool = False
    delay: float | None = None
    message_id: str | None = None
    reason: str | None = None
    detail: str | None = None
    gone: bool = False
    route: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Scheduled(Change):
    """Pending → pending: the delivery waits until a time of the database's clock: its route returned `Later`."""

    until: datetime = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class FallBack(Change):
    """→ pending on the channel `next`: this one is known not to have sent. `to` is the status of a delivery that may
    not go on, because an earlier attempt may have been accepted.
    """

    next: str = field(kw_only=True)


def fall_back_columns(changes: Sequence[FallBack]) -> dict[str, Any]:
    """The changes as the array parameters of fall_back.sql, in the order of the ids."""
    ordered = sorted(changes, key=by_id)
    return {
        "ids": uuids([each.id for each in ordered]),
        "next": [each.next for each in ordered],
        "reasons": [each.reason or "" for each in ordered],
        "details": [each.detail for each in ordered],
    }


def columns(changes: Sequence[Change]) -> dict[str, Any]:
    """The changes as the array parameters of change.sql.

    Ordered by id, so that two writers of the same deliveries do not end in a deadlock.
    """
    ordered = sorted(changes, key=by_id)
    return {
        "ids": uuids([each.id for each in ordered]),
        "to": array([each.to._value_ for each in ordered]),
        "failed": array(["1" if each.failed else "0" for each in ordered]),
        "delays": or_nulls([each.delay for each in ordered]),
        "message_ids": texts_or_nulls([each.message_id for each in ordered]),
        "reasons": texts_or_nulls([each.reason for each in ordered]),
        "details": texts_or_nulls([each.detail for each in ordered]),
    }


by_id = attrgetter("id.int")
"""The key of the order in which rows are locked."""


def array(words: Sequence[str]) -> str:
    """The text of a Postgres array of words that need no quotes: they are never input."""
    return "{" + ",".join(words) + "}"


def text_array(texts: Iterable[str]) -> str:
    """The text of a Postgres array of any texts: psycopg makes one of a list with several calls for each text."""
    given = list(texts)
    joined = '","'.join(given)
    if not given:
        return "{}"
    if "\\" in joined or joined.count('"') > 2 * (len(given) - 1):
        return array([_quoted(each) for each in given])
    return '{"' + joined + '"}'


def texts_or_nulls(texts: list[str | None]) -> str:
    """The text of a Postgres array of any texts, and of NULLs: most changes have no reason and no detail."""
    if None not in texts:
        return text_array(cast("list[str]", texts))
    return array(["NULL" if each is None else _quoted(each) for each in texts])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def or_nulls(values: list[Any]) -> Any:
    """The values, or the text of as many NULLs: most changes have no delay."""
    return values if values.count(None) < len(values) else array(["NULL"] * len(values))
