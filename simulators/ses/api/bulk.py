"""SendBulkEmail: one request with up to 50 mails, each with its own status."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from simulators.http.messages import Request
from simulators.http.replies import Reply, Response, json_response
from simulators.ses import limits
from simulators.ses.api.envelope import RequestFields, check_sender, request_fields
from simulators.ses.api.inline import InlineTemplate, from_entry, inline_template
from simulators.ses.api.sending import THROTTLED, SendContext
from simulators.ses.faults import entry_fault, request_fault
from simulators.ses.fields import named_values, need
from simulators.ses.mail import Mail, Tags
from simulators.shared.errors import ApiError
from simulators.shared.fields import Json, decode, take_all

# The status of an entry that is refused with such an error; any other error refuses the whole call.
_STATUS: Mapping[str, str] = {
    "BadRequestException": "INVALID_PARAMETER",
    "MessageRejected": "MESSAGE_REJECTED",
    "SendingPausedException": "ACCOUNT_SENDING_PAUSED",
    "AccountSuspendedException": "ACCOUNT_SUSPENDED",
}


class RefusedEntry(NamedTuple):
    """The status and message of an entry that is not accepted."""

    status: str
    error: str


Entry = Mail | RefusedEntry


def send_bulk_email(context: SendContext, request: Request) -> Reply:
    """Raise ApiError if SES would refuse the whole call."""
    context.counts.requests += 1
    body = decode(request.body)
    entries = take_all(body, "BulkEmailEntries", dict)
    try:
        limits.check_entries(len(entries))
        _check_calls(context, len(entries))
        composed = _compose(context, body, entries, len(request.body))
        envelopes = [one.envelope for one in composed if isinstance(one, Mail)]
        fault = request_fault(context.plan, envelopes, "SendBulkEmail")
        return context.plan.faults.apply(fault, lambda: _accept(context, composed))
    except ApiError:
        context.counts.refused += len(entries)
        raise


def _check_calls(context: SendContext, entries: int) -> None:
    if not context.bulk_calls.take(1):
        context.counts.throttled += entries
        raise ApiError("TooManyRequestsException", "Rate exceeded")


def _compose(context: SendContext, body: Json, entries: Sequence[Json], size: int) -> list[Entry]:
    shared = request_fields(body, "SendBulkEmail")
    check_sender(shared)
    if shared.configuration_set is not None and not context.account.has(shared.configuration_set):
        error = f"Configuration set <{shared.configuration_set}> does not exist."
        return [RefusedEntry("CONFIGURATION_SET_NOT_FOUND", error)] * len(entries)
    part = need(need(body, "DefaultContent", dict), "Template", dict)
    try:
        template = inline_template(part, size)
    except ApiError as error:
        if error.code != "NotFoundException":
            raise
        return [RefusedEntry("TEMPLATE_NOT_FOUND", error.message)] * len(entries)
    tags = named_values(body, "DefaultEmailTags")
    return [_entry(context, shared, template, tags, entry) for entry in entries]


def _entry(context: SendContext, shared: RequestFields, template: InlineTemplate, tags: Tags, entry: Json) -> Entry:
    try:
        mail = from_entry(shared, template, tags, entry)
        context.account.check(mail.envelope)
    except ApiError as error:
        if error.code not in _STATUS:
            raise
        return RefusedEntry(_STATUS[error.code], error.message)
    return mail


def _accept(context: SendContext, composed: Sequence[Entry]) -> Response:
    admitted = [_admit(context, one) if isinstance(one, Mail) else one for one in composed]
    mails = [one for one in admitted if isinstance(one, Mail)]
    receipts = iter(context.acceptance.accept(mails))
    context.counts.refused += len(admitted) - len(mails)
    results: list[dict[str, Any]] = [
        {"Status": "SUCCESS", "MessageId": next(receipts).message_id}
        if isinstance(one, Mail)
        else {"Status": one.status, "Error": one.error}
        for one in admitted
    ]
    return json_response({"BulkEmailEntryResults": results})


def _admit(context: SendContext, mail: Mail) -> Entry:
    rule = entry_fault(context.plan, mail.envelope)
    if rule is not None:
        return RefusedEntry(rule.options["entry_status"], rule.options["message"])
    return mail if context.within_rate(mail.envelope) else RefusedEntry("ACCOUNT_THROTTLED", THROTTLED)
