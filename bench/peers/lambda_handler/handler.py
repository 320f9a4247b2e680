"""The function, as it would be deployed."""

import os
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.idempotency.persistence.cache import CachePersistenceLayer
from aws_lambda_powertools.utilities.typing import LambdaContext

from bench.peers.mail import send_email_parameters

ses = boto3.client("sesv2")
processor = BatchProcessor(event_type=EventType.DynamoDBStreams)
store = CachePersistenceLayer(url=os.environ["REDIS_URL"])
config = IdempotencyConfig(event_key_jmespath="eventID", expires_after_seconds=24 * 3600)


@idempotent_function(data_keyword_argument="record", config=config, persistence_store=store)  # type: ignore[untyped-decorator]
def notify(record: DynamoDBRecord) -> str:
    answer = ses.send_email(**send_email_parameters(record.raw_event["dynamodb"]["NewImage"]))
    message_id: str = answer["MessageId"]
    return message_id


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    config.register_lambda_context(context)
    return process_partial_response(
        event=event, record_handler=lambda record: notify(record=record), processor=processor, context=context
    )
