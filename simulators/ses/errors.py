"""The errors that SES answers with, in the words boto3 knows them by."""

from collections.abc import Mapping

import orjson

from simulators.http.replies import Response

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


class ApiError(Exception):
    """An answer that is an error. The status follows from the code unless it is given; most are 400."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or _STATUS.get(code, 400)


class JournalError(Exception):
    """The journal cannot be read or written: nothing may be accepted."""


def bad_request(message: str) -> ApiError:
    return ApiError("BadRequestException", message)


def error_response(error: ApiError) -> Response:
    body = orjson.dumps({"message": error.message})
    return Response(error.status, body, headers=(("x-amzn-ErrorType", error.code),))
