"""What a fault does to one request: refuse it before it is accepted, or spoil the answer afterwards."""

from collections.abc import Callable
from http import HTTPStatus

import orjson

from simulators.http.replies import Delayed, NoReply, Reply, Reset, Response, Truncated, json_response
from simulators.ses.errors import ApiError, error_response
from simulators.ses.faults import Rule

Accept = Callable[[], Response]


def apply_fault(rule: Rule | None, accept: Accept) -> Reply:
    """Answer one request. Calls `accept` once, now or later, where the fault lets it be accepted."""
    if rule is None:
        return accept()
    options = rule.options
    match rule.kind:
        case "cut_before_accept":
            return Reset()
        case "error_before_accept":
            raise _server_error(options["status"])
        case "throttle":
            raise ApiError("TooManyRequestsException", options["message"])
        case "refuse":
            raise ApiError(options["code"], options["message"], options["status"] or None)
        case "slow":
            return Delayed(options["seconds"], accept)
    return _spoil(rule, accept())


def _spoil(rule: Rule, answer: Response) -> Reply:
    match rule.kind:
        case "accept_then_cut":
            return Reset()
        case "accept_then_hang":
            return NoReply()
        case "error_after_accept":
            return error_response(_server_error(rule.options["status"]))
        case "truncated":
            return _truncate(answer, rule.options["body"])
    raise AssertionError(f"a fault without a meaning: {rule.kind}")


def _truncate(answer: Response, how: str) -> Reply:
    match how:
        case "broken":
            return answer._replace(body=answer.body[: len(answer.body) // 2])
        case "empty":
            return answer._replace(body=b"{}")
        case "short":
            return _without_last(answer)
    return Truncated(answer)


def _without_last(answer: Response) -> Response:
    """One result fewer than entries; a single mail loses its MessageId."""
    results = orjson.loads(answer.body).get("BulkEmailEntryResults", [])
    return json_response({"BulkEmailEntryResults": results[:-1]} if results else {})


def _server_error(status: int) -> ApiError:
    code = "ServiceUnavailable" if status == HTTPStatus.SERVICE_UNAVAILABLE else "InternalFailure"
    return ApiError(code, "The fault plan says so.", status)
