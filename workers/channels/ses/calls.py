"""The calls to SES for a unit of messages. Pure.

A call is SendEmail for one message, or SendBulkEmail for up to 50 messages with the same sender,
reply address, configuration set and tenant.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from notifier.messages import Email
from notifier.outcomes import Outcome, Rejected
from workers.channels.ses.bulk import MAX_BYTES, MAX_ENTRIES, CallFields, bulk_entry
from workers.channels.ses.outcomes import Result, outcome_of_answer, results_of_bulk_answer
from workers.channels.ses.request import SesMessage, send_email_request

Places = tuple[int, ...]
"""The indexes of messages in their unit."""


@dataclass(frozen=True, slots=True)
class SendEmail:
    """A call for one message."""

    operation: ClassVar[str] = "SendEmail"
    places: Places
    body: bytes

    def results(self, answer: Mapping[str, Any]) -> list[Result]:
        return [outcome_of_answer(answer)]

    def halves(self) -> tuple["SesCall", ...]:
        return ()


@dataclass(frozen=True, slots=True)
class SendBulkEmail:
    """A call for several messages. `entries` and `members` (the common fields) are parts of its JSON."""

    operation: ClassVar[str] = "SendBulkEmail"
    places: Places
    entries: tuple[bytes, ...]
    members: bytes

    @property
    def body(self) -> bytes:
        return b"".join((b'{"BulkEmailEntries":[', b",".join(self.entries), b"],", self.members, b"}"))

    def results(self, answer: Mapping[str, Any]) -> list[Result]:
        return results_of_bulk_answer(answer, len(self.entries))

    def halves(self) -> tuple["SesCall", ...]:
        """Return two calls, each for half of the messages. An empty tuple if there is only one."""
        middle = len(self.entries) // 2
        cuts = (slice(middle), slice(middle, None)) if middle else ()
        return tuple(SendBulkEmail(self.places[cut], self.entries[cut], self.members) for cut in cuts)


SesCall = SendEmail | SendBulkEmail


class CallPlan:
    """The `calls` for a unit, and the outcomes of messages that are `rejected` without a call, by their places."""

    def __init__(
        self,
        messages: Sequence[SesMessage],
        sender: str,
        configuration_set: str,
        bulk_from: int | None,
        held: Callable[[Email], Outcome | None] | None = None,
    ) -> None:
        """Build the calls.

        `sender` is the address of messages that name none, encoded for SES. `bulk_from` is the smallest number of
        messages for which a bulk call is made; None: no bulk calls. `held` returns the outcome of a mail that is not
        to be sent now.
        """
        self.calls: list[SesCall] = []
        self.rejected: dict[int, Result] = {}
        self._messages = messages
        self._sender = sender
        self._configuration_set = configuration_set
        packs: dict[CallFields, _Pack] = {}
        for place, message in enumerate(messages):
            if held and (outcome := held(message.request)):
                self.rejected[place] = outcome
                continue
            try:
                entry = bulk_entry(message) if bulk_from else None
                if entry is None:
                    self.calls.append(self._single(place))
                else:
                    self._pack(packs, CallFields.of(message, sender), place, entry)
            except (AttributeError, TypeError, ValueError) as error:
                self.rejected[place] = Rejected(str(error))
        for pack in packs.values():
            enough = bulk_from is not None and len(pack.places) >= bulk_from
            self.calls += [pack.call()] if enough else map(self._single, pack.places)

    def _pack(self, packs: dict[CallFields, "_Pack"], fields: CallFields, place: int, entry: bytes) -> None:
        pack = packs.get(fields)
        if pack is None or not pack.has_room(entry):
            if pack is not None:
                self.calls.append(pack.call())
            pack = packs[fields] = _Pack(fields.members(self._configuration_set))
        pack.add(place, entry)

    def _single(self, place: int) -> SendEmail:
        request = send_email_request(self._messages[place], self._sender, self._configuration_set)
        return SendEmail((place,), orjson.dumps(request))


class _Pack:
    """The entries of a bulk call that is being filled."""

    def __init__(self, members: bytes) -> None:
        self.places: list[int] = []
        self._entries: list[bytes] = []
        self._members = members
        self._room = MAX_BYTES - len(members)

    def has_room(self, entry: bytes) -> bool:
        return len(self._entries) < MAX_ENTRIES and len(entry) < self._room

    def add(self, place: int, entry: bytes) -> None:
        self.places.append(place)
        self._entries.append(entry)
        self._room -= len(entry) + 1

    def call(self) -> SendBulkEmail:
        return SendBulkEmail(tuple(self.places), tuple(self._entries), self._members)
