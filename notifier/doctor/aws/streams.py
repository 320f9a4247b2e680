"""Whether each table has a stream that is on, that carries what its routes read, and that this login may read."""

from collections.abc import Iterator
from typing import Any

from notifier.doctor.aws.answers import Answer, ask, opened
from notifier.doctor.finding import CheckEnded, Finding, doubtful, good, not_known, wrong
from notifier.doctor.routing import need_routes
from notifier.doctor.setup import Setup
from notifier.errors import NotifierError
from notifier.routes import Routes
from notifier.routes.views import NEW_AND_OLD_IMAGES, REMEDY, View, unreadable, without_item

_PAGE = "docs/streams.md"
_WHERE = "DynamoDB"
_ON = frozenset(("ENABLED", "ENABLING"))
_GONE = frozenset(("ResourceNotFoundException",))
_READS = "dynamodb:DescribeStream, dynamodb:GetShardIterator and dynamodb:GetRecords"


def check_streams(setup: Setup) -> Iterator[Finding]:
    """Look at the stream of each table in NOTIFIER_TABLES."""
    if not setup.settings.tables:
        yield not_known("no table is named in NOTIFIER_TABLES: there is no stream to look at")
        return
    try:
        known: Routes | None = need_routes(setup)
    except CheckEnded:
        known = None
    with opened(setup, "dynamodbstreams") as client:
        for table in setup.settings.tables:
            try:
                yield from _table(setup, client, known, table)
            except CheckEnded as ended:
                yield ended.finding


def _table(setup: Setup, client: Any, known: Routes | None, table: str) -> Iterator[Finding]:
    listed = ask(_WHERE, "dynamodb:ListStreams", client.list_streams, TableName=table) or {"Streams": ()}
    if not listed["Streams"]:
        yield _without_stream(setup, table)
        return
    newest = max(listed["Streams"], key=lambda each: str(each.get("StreamLabel", each["StreamArn"])))["StreamArn"]
    answer = ask(_WHERE, _READS, client.describe_stream, absent=_GONE, StreamArn=newest)
    if answer is None:
        yield doubtful(f"the stream of {table} was deleted just now", "run notifier doctor again")
        return
    described = answer["StreamDescription"]
    if described.get("StreamStatus", "ENABLED") not in _ON:
        yield wrong(
            f"the stream of {table} is {described['StreamStatus'].lower()}: events of now are lost",
            "enable it: aws dynamodb update-table with StreamViewType=NEW_AND_OLD_IMAGES",
            _PAGE,
        )
        return
    yield from views(table, described, known)
    yield _readable(client, table, described)


def views(table: str, described: Answer, known: Routes | None) -> Iterator[Finding]:
    """Compare what the records carry with what the routes read."""
    type_ = described.get("StreamViewType", NEW_AND_OLD_IMAGES)
    keys = frozenset(each["AttributeName"] for each in described.get("KeySchema", ()))
    view = View(described["StreamArn"], type_, keys)
    for line in unreadable(known or (), table, view):
        yield wrong(line, REMEDY, _PAGE)
    if names := without_item(known or (), table, view):
        yield doubtful(
            f"the stream of {table} has the view type {type_}: its events reach {', '.join(names)} without an item",
            "enable the stream anew with NEW_AND_OLD_IMAGES, unless the keys are enough for these routes",
            _PAGE,
        )


def _readable(client: Any, table: str, described: Answer) -> Finding:
    """Read one record of one shard, as a bridge does. That takes nothing away from the bridge."""
    shards = described.get("Shards") or ()
    open_ = [each for each in shards if "EndingSequenceNumber" not in each.get("SequenceNumberRange", {})]
    if open_:
        start = {"StreamArn": described["StreamArn"], "ShardId": open_[0]["ShardId"], "ShardIteratorType": "LATEST"}
        place = ask(_WHERE, _READS, client.get_shard_iterator, absent=_GONE, **start)
        if place is not None:
            ask(_WHERE, _READS, client.get_records, absent=_GONE, ShardIterator=place["ShardIterator"], Limit=1)
    type_ = described.get("StreamViewType", "")
    return good(f"the stream of {table} is on, has {type_}, and this login may read it")


def _without_stream(setup: Setup, table: str) -> Finding:
    """Say whether the table is there at all."""
    try:
        with opened(setup, "dynamodb") as client:
            found = ask(_WHERE, "dynamodb:DescribeTable", client.describe_table, absent=_GONE, TableName=table)
    except (CheckEnded, NotifierError):
        return wrong(
            f"the table {table} has no stream in this Region and account, or there is no such table",
            "enable a stream with StreamViewType=NEW_AND_OLD_IMAGES; is NOTIFIER_TABLES right?",
            _PAGE,
        )
    if found is None:
        return wrong(
            f"there is no table {table} in this Region and account",
            "is NOTIFIER_TABLES right, and NOTIFIER_AWS_REGION?",
            _PAGE,
        )
    return wrong(
        f"the table {table} has no stream: its events become no notification",
        f"aws dynamodb update-table --table-name {table} --stream-specification "
        "StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES",
        _PAGE,
    )
