"""The control API under `/_sim/`."""

import json
from urllib.error import HTTPError

import pytest

from tests.simulators.streams.client import Reader, client
from tests.simulators.streams.reader import item, items


def refused(server, command: str, **body) -> tuple[int, str]:
    with pytest.raises(HTTPError) as raised:
        server.post(command, **body)
    with raised.value as answer:
        return answer.status, json.load(answer)["message"]


def test_the_truth_has_every_acknowledged_record(server):
    arn = server.post("tables", table="activity", shards=2)["stream"]
    written = server.post("put", table="activity", items=items(20))["records"]
    written += server.post("delete", table="activity", keys=[item(1)])["records"]
    told = server.get("truth")
    assert sorted(one["event_id"] for one in told["records"]) == sorted(one["event_id"] for one in written)
    assert {one["state"] for one in told["records"]} == {"readable"}
    assert written[0] | {"state": "readable"} in told["records"]
    assert told["counts"] == {
        "tables": 1,
        "streams": 1,
        "shards": 2,
        "open_shards": 2,
        "records": 21,
        "lost": 0,
    }
    some = server.get(f"truth?stream={arn}&shard={written[0]['shard']}")["records"]
    assert {one["shard"] for one in some} == {written[0]["shard"]}
    assert server.get("truth?stream=other")["shards"] == []
    assert "records" not in server.get("truth?records=0")


def test_the_truth_includes_records_that_cannot_be_read(server):
    server.post("tables", table="activity")
    (first,) = server.post("put", table="activity", items=[item(1)])["records"]
    server.post("advance", seconds=24 * 3600)
    (child,) = server.post("rotate", shard=first["shard"])["children"]
    server.post("put", table="activity", items=[item(2)])
    server.post("vanish", shard=child)
    server.post("put", table="activity", items=[item(3)])
    assert [one["state"] for one in server.get("truth")["records"]] == ["trimmed", "vanished", "readable"]
    assert [shard["lost"] for shard in server.get("truth")["shards"]] == [1, 1, 0]
    assert server.get("truth")["counts"]["lost"] == 2


def test_sample_items_are_the_examples(server):
    server.post("tables", table="activity")
    written = server.post("put", table="activity", samples=5, seed=1)["records"]
    assert [one["key"]["pk"]["S"] for one in written] == [f"user#{1000 + number}" for number in range(5)]


def test_calls_are_counted(server):
    server.post("tables", table="activity")
    server.post("put", table="activity", items=items(3))
    aws = client(server.url)
    reader = Reader(aws)
    reader.get()
    reader.iterator = reader.get()["NextShardIterator"]
    reader.get()
    with pytest.raises(aws.exceptions.ResourceNotFoundException):
        aws.describe_stream(StreamArn=reader.arn + "1")
    counts = server.get("counts")
    assert counts["calls"] == {"ListStreams": 1, "DescribeStream": 2, "GetShardIterator": 1, "GetRecords": 3}
    assert (counts["pages"], counts["empty_pages"], counts["served"]) == (3, 1, 6)
    assert counts["errors"] == {"ResourceNotFoundException": 1}
    aws.close()


def test_time_runs_and_can_be_moved_on(server):
    before = server.get("health")["now"]
    after = server.post("advance", seconds=3600)["now"]
    assert 3600 <= after - before < 3660


def test_a_command_can_be_planned(server):
    server.post("tables", table="activity")
    (shard,) = server.get("truth")["shards"]
    server.post("at", after=60, do="split", body={"shard": shard["shard"]})
    server.post("at", after=120, do="rotate", body={"shard": shard["shard"]})
    server.post("advance", seconds=90)
    assert server.get("counts")["shards"] == 3
    server.post("advance", seconds=60)
    (failed,) = server.get("counts")["failed"]
    assert failed.startswith("rotate: ValidationException")


def test_settings_can_be_changed_and_a_reset_ends_them(server):
    assert server.post("settings", readers_per_shard=2, collide=True)["readers_per_shard"] == 2
    assert server.post("settings", readers_per_shard=None)["readers_per_shard"] is None
    assert server.get("settings")["collide"] is True
    server.post("tables", table="activity")
    assert server.post("reset", padded=True)["collide"] is False
    assert server.get("settings")["padded"] is True
    assert server.get("counts")["tables"] == 0


def test_a_table_without_a_stream_and_one_that_is_switched(server):
    assert server.post("tables", table="plain", stream=False) == {"stream": None}
    first = server.post("enable", table="plain", shards=3, view="NEW_IMAGE")["stream"]
    server.post("disable", table="plain")
    second = server.post("enable", table="plain")["stream"]
    server.post("drop", table="plain")
    assert first != second
    assert server.get("counts") | {"calls": {}} == server.get("counts")
    assert [shard["closed"] for shard in server.get("truth")["shards"]] == [True] * 4


@pytest.mark.parametrize(
    ("command", "body", "text"),
    [
        ("split", {}, "'shard'"),
        ("split", {"shard": "s", "into": 3}, "into: no such member"),
        ("split", {"shard": 3}, "'shard' cannot be 3"),
        ("split", {"shard": "s"}, "Shard does not exist"),
        ("put", {"table": "nobody", "items": []}, "Table: nobody"),
        ("put", {"table": "activity", "items": [1]}, "objects"),
        ("put", {"table": "activity", "items": [{"pk": "1"}]}, "required keys"),
        ("put", {"table": "activity", "items": [{"pk": "1", "sk": {"S": "1"}}], "wire": True}, "AttributeValue"),
        ("tables", {"table": "orders", "keys": [1]}, "one or two keys"),
        ("tables", {"table": "orders", "shards": True}, "'shards' cannot be True"),
        ("advance", {"seconds": -1}, "time does not go back"),
        ("settings", {"collide": 1}, "'collide' cannot be 1"),
        ("settings", {"digits": 5}, "21 to 40"),
        ("settings", {"unknown": 1}, "unknown: no such member"),
        ("at", {"after": 1, "do": "unknown", "body": {}}, "'do' must be one of"),
        ("at", {"after": 1, "do": "split", "body": {}}, "'shard'"),
        ("load", {"shards": 0}, "must be 1 or more"),
        ("load", {"rate": 0}, "'rate' must be more than 0"),
        ("load", {"view": "KEYS_ONLY"}, "'view' must be one of"),
    ],
)
def test_a_wrong_command_is_explained(server, command, body, text):
    server.post("tables", table="activity")
    status, message = refused(server, command, **body)
    assert status == 400
    assert text in message
    assert server.get("counts")["records"] == 0


def test_an_unknown_path_is_not_found(server):
    assert refused(server, "unknown") == (404, "POST /_sim/unknown: there is no such thing.")
