"""Errors of DynamoDB Streams, with the codes that boto3 knows."""

from collections.abc import Mapping

import orjson

from simulators.http.replies import Response
from simulators.shared.errors import ApiError

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
    """Return the response of DynamoDB Streams. Codes without a status of their own are 400."""
    package = "com.amazonaws.dynamodb.v20120810" if error.code in _MODELLED else "com.amazon.coral.validate"
    body = {"__type": f"{package}#{error.code}", "message": error.message}
    return Response(error.status or _STATUS.get(error.code, 400), orjson.dumps(body), CONTENT_TYPE)
