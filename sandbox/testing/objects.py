"""The objects of S3 that a test has: a client in their place, which makes no request."""

from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError


class S3Objects(dict[str, bytes]):
    """Objects by their place, `s3://BUCKET/KEY`. All others are missing."""

    def get_object(self, *, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803  the SDK's
        """Return the answer that the client of the SDK returns. Raise ClientError for an object that is missing."""
        content = self.get(f"s3://{Bucket}/{Key}")
        if content is None:
            error = {"Code": "NoSuchKey", "Message": "the test has no such object in pipeline.s3"}
            raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": 404}}, "GetObject")
        return {"ContentLength": len(content), "Body": BytesIO(content)}
