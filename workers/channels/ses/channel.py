"""The channel `email`: Amazon SES, by SendBulkEmail of its API v2 for up to 50 messages, or SendEmail for each."""

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, cast

from notifier.channels import Capability
from notifier.errors import SettingsError
from notifier.messages import Email, EmailContent, Message
from notifier.outcomes import Accepted, Late, Outcome
from notifier.process.clock import boottime
from notifier.settings import Settings
from notifier.templates import Templates
from workers.channels.aws.failures import outcome_before_request
from workers.channels.aws.refusals import Refused
from workers.channels.mailbox import checked_mailbox, mailbox_of, wire_address
from workers.channels.ses.attachments import check_ses_attachments
from workers.channels.ses.bulk_right import BulkRight
from workers.channels.ses.calls import CallPlan, SendBulkEmail, SesCall
from workers.channels.ses.client import SesClient
from workers.channels.ses.mode import AutoMode
from workers.channels.ses.outcomes import (
    Result,
    is_of_account,
    is_throttle,
    is_unverified,
    may_be_one_entry,
    outcome_of,
    result_of_error,
    why_operation_refused,
    with_senders,
)
from workers.channels.ses.parked import ParkedParts

CONCURRENCY = 64
"""Concurrent requests. Each costs this process well under 1 ms, and waits tens of milliseconds for SES."""
WORTH_BULK = 2
"""The mode `auto` makes a bulk call for so many messages. One alone goes by SendEmail, whose rate is documented."""


class SesChannel:
    """The channel `email`. Thread-safe; no connection and no thread before the first send."""

    capability: ClassVar[Capability] = Capability.DELIVERY_EVENTS
    one_provider: ClassVar[bool] = True
    request_type: ClassVar[type] = Email

    def __init__(self, settings: Settings) -> None:
        self._sender = _sender(settings.sender)
        self._configuration_set = settings.ses_configuration_set
        self._seconds = settings.send_lease_seconds / 2
        self._client = SesClient(settings)
        self._threads = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="ses")
        self._mode = settings.ses_mode
        self._auto = AutoMode()
        self._right = BulkRight()
        self._parked = ParkedParts(settings.probe_seconds)
        self._rate: float | None = None

    @staticmethod
    def address(to: str) -> str:
        return mailbox_of(to)

    @staticmethod
    def checked_address(to: str) -> str:
        return checked_mailbox(to)

    @staticmethod
    def silence(settings: Settings) -> str | None:
        """Return why no events come, or None: SES publishes events of a message only with a configuration set."""
        return None if settings.ses_configuration_set else "NOTIFIER_SES_CONFIGURATION_SET is empty"

    def rate(self) -> float | None:
        self._rate = send_rate(self._client.account())
        return self._rate

    def render(self, request: Email, templates: Templates) -> EmailContent:
        content = templates.render(request.template, request.context, request.locale)
        if request.attachments:
            check_ses_attachments(request, content)
        return content

    def send(self, messages: Sequence[Message[Email, EmailContent]]) -> list[Outcome]:
        """Send the messages and return their outcomes, in the same order.

        Starts no request in the second half of the lease: it might still be open when the lease ends and another
        worker sends the same message. Starts none once the process is to end.
        """
        deadline = min(boottime() + self._seconds, *(each.not_after for each in messages), math.inf)
        held = self._parked.held if self._parked else None
        plan = CallPlan(messages, self._sender, self._configuration_set, self._bulk_from(), held)
        found = plan.rejected
        if plan.calls:
            found |= self._make(plan.calls, messages, deadline)
        results = [found[place] for place in range(len(messages))]
        if not held and Refused not in map(type, results):
            return cast("list[Outcome]", results)
        pairs = zip(messages, results, strict=True)
        results = [self._parked.apply(message.request, result) for message, result in pairs]
        if any(map(is_unverified, results)):
            senders = [mailbox_of(str(each.request.sender or self._sender)) for each in messages]
            results = with_senders(results, senders, mailbox_of(self._sender))
        return [outcome_of(each) for each in results]

    def close(self) -> None:
        self._threads.shutdown()
        self._client.close()

    def _bulk_from(self) -> int | None:
        if self._mode == "single" or self._right.missing():
            return None
        if self._mode == "bulk":
            return 1
        return WORTH_BULK if self._auto.bulk(time.monotonic()) else None

    def _make(
        self, calls: Sequence[SesCall], messages: Sequence[Message[Email, EmailContent]], deadline: float
    ) -> dict[int, Result]:
        try:
            self._client.ready()
        except Exception as error:  # noqa: BLE001 - plug-ins of the SDK may raise anything
            return {place: outcome_before_request(error) for call in calls for place in call.places}
        if len(calls) == 1:  # here: to hand it to another thread takes longer than a mail
            return dict(self._call(calls[0], messages, deadline))
        made = self._threads.map(lambda call: self._call(call, messages, deadline), calls)
        return {place: result for results in made for place, result in results}

    def _call(
        self, call: SesCall, messages: Sequence[Message[Email, EmailContent]], deadline: float
    ) -> list[tuple[int, Result]]:
        """Make one request and return the result of each message, with its index.

        If SES refuses a bulk call for what may be one message's fault, each half is sent again by itself; if for what
        may be wrong with bulk calls alone, each message.
        """
        if reason := messages[call.places[0]].late():  # all messages of a unit have the same `not_after`
            return [(place, Late(reason)) for place in call.places]
        try:
            request = self._client.request(call.operation, call.body)
        except Exception as error:  # noqa: BLE001
            return [(place, outcome_before_request(error)) for place in call.places]
        try:
            answer = self._client.ask(call.operation, request, deadline)
        except Exception as error:  # noqa: BLE001 - every message needs a result
            if may_be_one_entry(error) and (halves := call.halves()):
                return [each for half in halves for each in self._call(half, messages, deadline)]
            if isinstance(call, SendBulkEmail):
                if reason := why_operation_refused(error):
                    return self._one_by_one(call, reason, messages, deadline)
                if is_throttle(error):
                    self._auto.throttled(time.monotonic(), len(call.places), self._rate)
            return [(place, result_of_error(error)) for place in call.places]
        if isinstance(call, SendBulkEmail):
            self._right.taken()
        results = call.results(answer)
        self._auto.accepted(time.monotonic(), list(map(type, results)).count(Accepted))
        return list(zip(call.places, results, strict=True))

    def _one_by_one(
        self, call: SendBulkEmail, reason: str, messages: Sequence[Message[Email, EmailContent]], deadline: float
    ) -> list[tuple[int, Result]]:
        """Send each message of a bulk call that SES refused for this reason by a call of its own.

        A channel that such a refusal parked would be opened by its probe, which is a single call, and parked by the
        next unit, again and again. If SES refuses the first single call, too, it is the account: the messages after
        it get the same result without a call, and the channel is parked.
        """
        own = [messages[place] for place in call.places]
        plan = CallPlan(own, self._sender, self._configuration_set, None)
        results = plan.rejected
        blocked: Result | None = None
        for single in plan.calls:
            found = [(place, blocked) for place in single.places] if blocked else self._call(single, own, deadline)
            results |= found
            blocked = next((each for _, each in found if is_of_account(each)), None)
        if Accepted in map(type, results.values()):
            self._right.refused(reason)
        return [(call.places[place], result) for place, result in results.items()]


def send_rate(account: Mapping[str, Any]) -> float | None:
    """Return the recipients a second that the answer of GetAccount allows, None if it has no rate."""
    found = account.get("SendQuota", {}).get("MaxSendRate")
    return float(found) if found else None


def _sender(address: str) -> str:
    if not address:
        raise SettingsError("NOTIFIER_SENDER is not set: the address that emails come from, verified in SES")
    try:
        return wire_address(address)
    except ValueError as error:
        raise SettingsError(f"the address in NOTIFIER_SENDER {error}") from None
