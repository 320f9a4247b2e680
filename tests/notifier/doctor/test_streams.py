"""What is wrong with tables, streams and credentials is found and named, with real emulators."""

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import boto3
import pytest

from notifier.aws import AwsError
from notifier.doctor.aws.answers import of_error
from notifier.doctor.finding import Level
from sandbox.embedded.allocation import free_port
from sandbox.embedded.streams import streams_simulator
from tests.notifier.doctor.conftest import Diagnose

ROUTES = """
from notifier import Webhook, route

@route(table={table!r}, channel="webhook", on=["INSERT", "REMOVE"], match={{"type": ["order"]}})
def order(event): return Webhook(to="https://a.example")
"""


class Tables:
    def __init__(self, url: str) -> None:
        self.url = url
        self.name = f"doctor_{token_hex(4)}"
        self._client = boto3.client("dynamodb", endpoint_url=url, region_name="eu-west-1")

    def create(self, view: str | None = "NEW_AND_OLD_IMAGES") -> None:
        stream = {"StreamEnabled": True, "StreamViewType": view} if view else {"StreamEnabled": False}
        self._client.create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification=stream,
        )

    def switch_off(self) -> None:
        self._client.update_table(TableName=self.name, StreamSpecification={"StreamEnabled": False})

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def tables(diagnose: Diagnose, ministack_server: Any) -> Iterator[Tables]:
    made = Tables(ministack_server.url)
    yield made
    made.close()


def ask(diagnose: Diagnose, tables: Tables, **given: str) -> Any:
    return diagnose("streams", **{"aws_endpoint_url": tables.url, "tables": tables.name, **given})


def test_a_good_stream(diagnose: Diagnose, tables: Tables) -> None:
    tables.create()
    found = ask(diagnose, tables)
    assert found.at(Level.GOOD) == [
        f"the stream of {tables.name} is on, has NEW_AND_OLD_IMAGES, and this login may read it"
    ]


def test_no_table(diagnose: Diagnose, tables: Tables) -> None:
    ask(diagnose, tables).the(Level.WRONG, f"there is no table {tables.name}", "NOTIFIER_TABLES")


def test_a_table_without_a_stream(diagnose: Diagnose, tables: Tables) -> None:
    tables.create(None)
    ask(diagnose, tables).the(Level.WRONG, f"the table {tables.name} has no stream", "StreamViewType")


def test_a_stream_that_is_switched_off(diagnose: Diagnose, tables: Tables) -> None:
    tables.create()
    tables.switch_off()
    found = ask(diagnose, tables)
    assert len(found.at(Level.WRONG)) == 1
    assert "StreamViewType=NEW_AND_OLD_IMAGES" in found[0].finding.remedy


def test_a_stream_without_what_a_route_reads(
    diagnose: Diagnose, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.create("KEYS_ONLY")
    (tmp_path / f"routes_of_{tables.name}.py").write_text(ROUTES.format(table=tables.name))
    monkeypatch.syspath_prepend(tmp_path)
    found = ask(diagnose, tables, routes=f"routes_of_{tables.name}")
    assert len(found.at(Level.WRONG)) == 2  # for INSERT, and for REMOVE
    assert all("route 'order' matches on type" in each and "KEYS_ONLY" in each for each in found.at(Level.WRONG))
    assert len(found.at(Level.DOUBTFUL)) == 1


def test_routes_that_cannot_be_loaded_do_not_hide_a_stream(diagnose: Diagnose, tables: Tables) -> None:
    tables.create(None)
    found = ask(diagnose, tables, routes="no_such_module")
    found.the(Level.WRONG, f"the table {tables.name} has no stream")


@pytest.mark.parametrize("operation", ["ListStreams", "DescribeStream", "GetShardIterator", "GetRecords"])
def test_a_login_that_may_not_read(diagnose: Diagnose, tmp_path: Path, operation: str) -> None:
    with streams_simulator(tmp_path, "--table", "activity") as streams:
        rule = {"kind": "refuse", "code": "AccessDeniedException", "match": {"operation": operation}}
        streams.add_faults(rule)
        found = diagnose("streams", aws_endpoint_url=streams.url)
    assert "deploy/iam/doctor.json" in found.the(Level.DOUBTFUL, "cannot be checked", f"dynamodb:{operation}")
    assert found.at(Level.WRONG) == []


def test_no_dynamodb(diagnose: Diagnose) -> None:
    found = diagnose("streams", "clocks", aws_endpoint_url=f"http://127.0.0.1:{free_port()}")
    assert len(found.at(Level.WRONG)) == 2
    assert all("no answer from DynamoDB" in each for each in found.at(Level.WRONG))


def test_no_credentials(diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    found = diagnose("credentials", "streams", "account")
    found.the(Level.WRONG, "no AWS credentials", "AWS_ACCESS_KEY_ID")
    assert set(found.at(Level.UNKNOWN)) == {"the rest was not checked: it needs a Region and credentials of AWS"}


def test_no_region(diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    found = diagnose("credentials", aws_region="")
    found.the(Level.WRONG, "no AWS region is set", "NOTIFIER_AWS_REGION")


def test_an_endpoint_that_is_not_that_of_aws_is_named(diagnose: Diagnose) -> None:
    found = diagnose("credentials", aws_endpoint_url="http://localhost:4566")
    assert "localhost:4566" in found.at(Level.GOOD)[1]


def test_an_unknown_error() -> None:
    found = of_error(AwsError("Odd", "text with a secret"), "SES", "ses:GetAccount")
    assert found.level is Level.WRONG
    assert found.what == "SES answered Odd to ses:GetAccount"
