"""The faults of SES: what can go wrong with a request, before and after its mails are accepted.

`match` takes `recipient`, a pattern as for file names, `nid`, the value of that tag, and `operation`, as `SendEmail`.
A bulk call matches if one of its entries does. `entry_status` counts and fails entries of bulk calls; all other kinds
whole requests. Operations that send nothing fail only by a rule that names them.
"""

from collections.abc import Sequence
from fnmatch import fnmatch
from http import HTTPStatus

import orjson

from simulators.http.replies import Reply, Response, json_response
from simulators.ses.errors import error_response
from simulators.ses.limits import bare
from simulators.ses.mail import Envelope
from simulators.shared import faults
from simulators.shared.errors import ApiError
from simulators.shared.faults import MESSAGE, FaultKind, FaultKinds, MakeResponse, Match, Plan, Rule

_ENTRY_STATUS = "entry_status"
_OPERATION = "operation"
TRUNCATIONS = ("cut", "broken", "empty", "short")


def request_fault(plan: Plan, envelopes: Sequence[Envelope], operation: str) -> Rule | None:
    """Return the rule by which a request with these mails fails, None if it does not."""

    def matches(match: Match) -> bool:
        named = match.get(_OPERATION, operation) == operation
        return named and any(_matches(match, envelope) for envelope in envelopes)

    return plan.next(matches, _REQUEST_KINDS)


def operation_fault(plan: Plan, operation: str) -> Rule | None:
    """Return the rule by which a request that sends nothing fails, None if it does not."""
    return plan.next(lambda match: match[_OPERATION] == operation, _REQUEST_KINDS, member=_OPERATION)


def entry_fault(plan: Plan, envelope: Envelope) -> Rule | None:
    """Return the rule by which this entry of a bulk call fails, None if it does not."""
    return plan.next(lambda match: _matches(match, envelope), (_ENTRY_STATUS,))


def _matches(match: Match, envelope: Envelope) -> bool:
    if "nid" in match and envelope.tag("nid") != match["nid"]:
        return False
    pattern = match.get("recipient")
    return pattern is None or any(fnmatch(bare(address).lower(), pattern.lower()) for address in envelope.recipients)


def _server_error(rule: Rule) -> ApiError:
    status = rule.options["status"]
    code = "ServiceUnavailable" if status == HTTPStatus.SERVICE_UNAVAILABLE else "InternalFailure"
    return ApiError(code, MESSAGE, status)


def _error_before(rule: Rule, _make: MakeResponse) -> Reply:
    raise _server_error(rule)


def _error_after(rule: Rule, make: MakeResponse) -> Reply:
    make()
    return error_response(_server_error(rule))


def _throttle(rule: Rule, _make: MakeResponse) -> Reply:
    raise ApiError("TooManyRequestsException", rule.options["message"])


def _truncate(rule: Rule, make: MakeResponse) -> Reply:
    match rule.options["body"]:
        case "empty":
            return make()._replace(body=b"{}")
        case "short":
            return _without_last(make())
    return faults.truncate(rule, make)


def _without_last(response: Response) -> Response:
    """Return the response with one result less than entries, or to a single mail without its MessageId."""
    results = orjson.loads(response.body).get("BulkEmailEntryResults", [])
    return json_response({"BulkEmailEntryResults": results[:-1]} if results else {})


FAULTS = FaultKinds(
    {
        "accept_then_cut": FaultKind(faults.reset_after),
        "accept_then_hang": FaultKind(faults.no_reply_after),
        "truncated": FaultKind(_truncate, {"body": "cut"}),
        "error_after_accept": FaultKind(_error_after, {"status": 500}),
        "error_before_accept": FaultKind(_error_before, {"status": 503}),
        "cut_before_accept": FaultKind(faults.reset_before),
        "throttle": FaultKind(_throttle, {"message": "Maximum sending rate exceeded."}),
        "slow": FaultKind(faults.delay, {"seconds": 1.0}),
        "refuse": FaultKind(faults.refuse, {"code": "MessageRejected", "message": MESSAGE, "status": 0}),
        _ENTRY_STATUS: FaultKind(None, {"entry_status": "TRANSIENT_FAILURE", "message": MESSAGE}),
    },
    matches=("recipient", "nid", _OPERATION),
    bodies=TRUNCATIONS,
)
_REQUEST_KINDS = frozenset(FAULTS.kinds) - {_ENTRY_STATUS}
