"""The errors that DynamoDB Streams answers with, in the words boto3 knows them by."""

from collections.abc import Mapping

import orjson

from simulators.http.replies import Response

CONTENT_TYPE = "application/x-amz-json-1.0"

_STATUS: Mapping[str, int] = {"InternalServerError": 500, "InternalFailure": 500, "ServiceUnavailable": 503}
_MODELLED = frozenset(
    (
        "ExpiredIteratorException",
        "InternalServerError",
        "LimitExceededException",
        "ResourceNotFoundException",
        "TrimmedDataAccessException",
    )
)


class ApiError(Exception):
    """An answer that is an error. The status follows from the code unless it is given; most are 400."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status or _STATUS.get(code, 400)


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def no_shard() -> ApiError:
    return ApiError("ResourceNotFoundException", "Requested resource not found: Shard does not exist")


def no_stream(arn: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Requested resource not found: Stream: {arn} not found")


def expired() -> ApiError:
    text = "The shard iterator has expired and can no longer be used to retrieve stream records."
    return ApiError("ExpiredIteratorException", text)


def trimmed() -> ApiError:
    return ApiError("TrimmedDataAccessException", "The data you are trying to access has been trimmed.")


def error_response(error: ApiError) -> Response:
    package = "com.amazonaws.dynamodb.v20120810" if error.code in _MODELLED else "com.amazon.coral.validate"
    body = {"__type": f"{package}#{error.code}", "message": error.message}
    return Response(error.status, orjson.dumps(body), CONTENT_TYPE)
