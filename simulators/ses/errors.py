"""Errors of SES, with the codes that boto3 knows."""

from collections.abc import Mapping

import orjson

from simulators.http.replies import Response
from simulators.shared.errors import ApiError

_STATUS: Mapping[str, int] = {
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "IncompleteSignature": 403,
    "InvalidSignatureException": 403,
    "SignatureDoesNotMatch": 403,
    "UnrecognizedClientException": 403,
    "NotFoundException": 404,
    "UnknownOperationException": 404,
    "ConflictException": 409,
    "RequestEntityTooLargeException": 413,
    "TooManyRequestsException": 429,
    "ConcurrentModificationException": 500,
    "InternalFailure": 500,
    "InternalServiceErrorException": 500,
    "ServiceUnavailable": 503,
}


class JournalError(Exception):
    """The journal cannot be read or written, so no mail may be accepted."""


def bad_request(message: str) -> ApiError:
    return ApiError("BadRequestException", message)


def error_response(error: ApiError | JournalError) -> Response:
    """Return the response of SES. Codes without a status of their own are 400."""
    if isinstance(error, JournalError):
        error = ApiError("InternalFailure", str(error))
    status = error.status or _STATUS.get(error.code, 400)
    return Response(status, orjson.dumps({"message": error.message}), headers=(("x-amzn-ErrorType", error.code),))
