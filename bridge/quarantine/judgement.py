"""Classifies a record in quarantine by the current routes. Pure."""

from datetime import datetime

from bridge.stream.classification import classify_record
from notifier.outbox import Judgement, QuarantinedRecord, ShardLease
from notifier.outbox import records as wire
from notifier.routes import Routes


def judged(record: QuarantinedRecord, routes: Routes, not_before: datetime) -> Judgement:
    """Return what a bridge that read the record now would make of it."""
    lease = ShardLease(record.shard, record.shard_id, record.stream_arn, record.table, "quarantine", 0, None)
    try:
        parsed = wire.parse(bytes(record.record))
    except ValueError as wrong:
        return Judgement(error=str(wrong))
    if not isinstance(parsed, dict):
        return Judgement(error="it is no record of DynamoDB Streams")
    _, notifications, error = classify_record(lease, parsed, routes, not_before)
    return Judgement(notifications, error)
