"""SendBulkEmail: one request, up to 50 mails, each with a status of its own."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from simulators.http.messages import Request
from simulators.http.replies import Reply, Response, json_response
from simulators.ses import limits
from simulators.ses.api.envelope import RequestFields, check_sender, common, pairs
from simulators.ses.api.inline import InlineTemplate, from_entry, inline_template
from simulators.ses.api.sending import THROTTLED, SendContext
from simulators.ses.errors import ApiError
from simulators.ses.faults_enact import apply_fault
from simulators.ses.fields import Json, decode, need, take_all
from simulators.ses.mail import Mail, Tags

# Errors of one entry; any other refuses the whole call.
_STATUS: Mapping[str, str] = {
    "BadRequestException": "INVALID_PARAMETER",
    "MessageRejected": "MESSAGE_REJECTED",
}


class RefusedEntry(NamedTuple):
    """An entry that does not go."""

    status: str
    error: str


Entry = Mail | RefusedEntry


def send_bulk_email(desk: SendContext, request: Request) -> Reply:
    desk.tally.requests += 1
    body = decode(request.body)
    entries = take_all(body, "BulkEmailEntries", dict)
    try:
        limits.check_entries(len(entries))
        _check_calls(desk, len(entries))
        composed = _compose(desk, body, entries, len(request.body))
        envelopes = [one.envelope for one in composed if isinstance(one, Mail)]
        return apply_fault(desk.plan.for_request(envelopes), lambda: _accept(desk, composed))
    except ApiError:
        desk.tally.refused += len(entries)
        raise


def _check_calls(desk: SendContext, entries: int) -> None:
    if not desk.bulk_calls.take(1):
        desk.tally.throttled += entries
        raise ApiError("TooManyRequestsException", "Rate exceeded")


def _compose(desk: SendContext, body: Json, entries: Sequence[Json], size: int) -> list[Entry]:
    shared = common(body, "SendBulkEmail")
    check_sender(shared)
    if shared.configuration_set is not None and not desk.account.has(shared.configuration_set):
        error = f"Configuration set <{shared.configuration_set}> does not exist."
        return [RefusedEntry("CONFIGURATION_SET_NOT_FOUND", error)] * len(entries)
    part = need(need(body, "DefaultContent", dict), "Template", dict)
    try:
        template = inline_template(part, size)
    except ApiError as error:
        if error.code != "NotFoundException":
            raise
        return [RefusedEntry("TEMPLATE_NOT_FOUND", error.message)] * len(entries)
    tags = pairs(body, "DefaultEmailTags")
    return [_entry(desk, shared, template, tags, entry) for entry in entries]


def _entry(desk: SendContext, shared: RequestFields, template: InlineTemplate, tags: Tags, entry: Json) -> Entry:
    try:
        mail = from_entry(shared, template, tags, entry)
        desk.account.check(mail.envelope)
    except ApiError as error:
        if error.code not in _STATUS:
            raise
        return RefusedEntry(_STATUS[error.code], error.message)
    return mail


def _accept(desk: SendContext, composed: Sequence[Entry]) -> Response:
    admitted = [_admit(desk, one) if isinstance(one, Mail) else one for one in composed]
    mails = [one for one in admitted if isinstance(one, Mail)]
    receipts = iter(desk.acceptance.accept(mails))
    desk.tally.refused += len(admitted) - len(mails)
    results: list[dict[str, Any]] = [
        {"Status": "SUCCESS", "MessageId": next(receipts).message_id}
        if isinstance(one, Mail)
        else {"Status": one.status, "Error": one.error}
        for one in admitted
    ]
    return json_response({"BulkEmailEntryResults": results})


def _admit(desk: SendContext, mail: Mail) -> Entry:
    rule = desk.plan.for_entry(mail.envelope)
    if rule is not None:
        return RefusedEntry(rule.options["entry_status"], rule.options["message"])
    return mail if desk.within_rate(mail.envelope) else RefusedEntry("ACCOUNT_THROTTLED", THROTTLED)
