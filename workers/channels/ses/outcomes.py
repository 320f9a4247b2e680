"""The outcome of each mail of a request to SES: from its answer, or from what it raised. Pure.

Until the channel has decided what a refusal concerns, it is a `Refused`, which has the cause.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from notifier.aws import AwsError
from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Unknown, discreet
from workers.channels.aws.failures import outcome_of_failure
from workers.channels.aws.refusals import NOT_SENT, REJECTED, THROTTLED, Refusal, Refused
from workers.channels.ses.refusals import BULK_STATUSES, CODES, OF_THE_OPERATION, TABLE, UNVERIFIED

Result = Outcome | Refused

_DOMAIN = re.compile(r"(?<=@)[\w-]+(?:\.[\w-]+)*")


def outcome_of(result: Result) -> Outcome:
    return result.outcome if isinstance(result, Refused) else result


def outcome_of_answer(answer: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a SendEmail that was answered with 200. It is accepted, even without an id."""
    return Accepted(_text(answer, "MessageId"))


def results_of_bulk_answer(answer: Mapping[str, Any], entries: int) -> list[Result]:
    """Return the results of a SendBulkEmail that was answered with 200, in the order of its entries.

    All are `Unknown` if the answer does not have one result for each entry.
    """
    found = answer.get("BulkEmailEntryResults")
    if not isinstance(found, list) or len(found) != entries or not all(isinstance(each, dict) for each in found):
        return [Unknown(f"the answer does not have one result for each of {entries} entries")] * entries
    return [_of_entry(each) for each in found]


def result_of_error(error: Exception) -> Result:
    """Return the result of each mail of a request that raised."""
    return TABLE.result(error, TABLE.refusal(error)) if isinstance(error, AwsError) else outcome_of_failure(error)


def with_senders(results: Sequence[Result], senders: Sequence[str], sender: str) -> list[Result]:
    """Return the results with `NotSent` in place of `UNVERIFIED` for mails whose own address is not verified.

    An unverified identity blocks the whole account only if it is `sender`, the one of all mails that name none. It is
    the fault of one mail if that has another one of `senders`, if SES accepted another mail of the same sender, or if
    SES names only other domains, as it does with recipients in its sandbox. All senders are bare mailboxes.
    """
    pairs = list(zip(results, senders, strict=True))
    accepted = any(isinstance(result, Accepted) and mail_sender == sender for result, mail_sender in pairs)
    return [
        NotSent(result.outcome.reason)
        if is_unverified(result) and (accepted or mail_sender != sender or _names_others(result.reason, sender))
        else result
        for result, mail_sender in pairs
    ]


def is_unverified(result: Result) -> TypeGuard[Refused]:
    """Return whether SES refused an address as not verified. It does not always say which."""
    return isinstance(result, Refused) and result.refusal is UNVERIFIED


def is_of_account(result: Result) -> bool:
    """Return whether no mail is accepted until an operator acts. Not if it may be an address that is not verified."""
    if isinstance(result, Refused):
        return result.refusal.outcome is Blocked and result.refusal is not UNVERIFIED
    return isinstance(result, Blocked)


def is_throttle(error: Exception) -> bool:
    """Return whether SES refused a request because requests come too fast."""
    return isinstance(error, AwsError) and TABLE.refusal(error) is THROTTLED


def may_be_one_entry(error: Exception) -> bool:
    """Return whether a whole bulk call was refused for what may be wrong with one entry.

    Then the call is repeated in halves, so that the other entries are sent.
    """
    if not isinstance(error, AwsError):
        return False
    refusal = TABLE.refusal(error)
    return refusal in (NOT_SENT, REJECTED) or (refusal is UNVERIFIED and CODES.get(error.code) is REJECTED)


def why_operation_refused(error: Exception) -> str | None:
    """Return why SES refused a bulk call, if single calls may be allowed nevertheless: a right may be missing.

    None if the reason is another one, or if the call may have been accepted.
    """
    if not isinstance(error, AwsError) or error.code not in OF_THE_OPERATION:
        return None
    result = result_of_error(error)
    return result.reason if isinstance(result, Refused) and result.refusal.outcome is Blocked else None


def _names_others(reason: str, sender: str) -> bool:
    named = [each.lower() for each in _DOMAIN.findall(reason)]
    return bool(named) and sender.rpartition("@")[2] not in named


def _of_entry(entry: Mapping[str, Any]) -> Result:
    status = _text(entry, "Status") or ""
    known = BULK_STATUSES.get(status)
    if known is Accepted:
        return Accepted(_text(entry, "MessageId"))
    text = _text(entry, "Error") or ""
    reason = TABLE.discreet(f"{status}: {text}")
    if isinstance(known, Refusal):
        return Refused(TABLE.by_text(text) or known, reason)
    return Unknown(discreet(reason))


def _text(answer: Mapping[str, Any], name: str) -> str | None:
    found = answer.get(name)
    return found if isinstance(found, str) else None
