"""A client of boto3 without retries and with a read timeout."""

from typing import Any

import boto3
from botocore.config import Config

REGION = "eu-west-1"


def client(url: str, read_timeout: float = 20) -> Any:
    return boto3.client(
        "dynamodbstreams",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout),
    )


def arn_of(aws: Any, table: str = "activity") -> str:
    """The ARN of the newest stream of a table."""
    return aws.list_streams(TableName=table)["Streams"][-1]["StreamArn"]


def shards_of(aws: Any, arn: str) -> list[dict[str, Any]]:
    return aws.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]


def iterator_of(aws: Any, arn: str, shard: str, kind: str = "TRIM_HORIZON", **more: str) -> str:
    answer = aws.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **more)
    return answer["ShardIterator"]


class Reader:
    """Reads one shard of `activity`."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.arn = arn_of(aws)
        self.shard = shards_of(aws, self.arn)[0]["ShardId"]
        self.iterator = iterator_of(aws, self.arn, self.shard)

    def get(self, **more: Any) -> dict[str, Any]:
        """The page at the iterator, which is not moved."""
        return self.aws.get_records(ShardIterator=self.iterator, **more)
