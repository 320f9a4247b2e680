"""`notifier put`: values that DynamoDB does not store are named, and items can be deleted."""

import json
import os
from pathlib import Path

import pytest

from notifier.errors import UsageError
from notifier.settings import Settings, read_settings
from sandbox.embedded.ministack import MinistackServer
from sandbox.items import parse_item
from sandbox.system import CREDENTIALS
from sandbox.table import EventTable
from tests.conftest import GivenServer
from tests.notifier.cli.in_process import run

KEYS = '"pk": "a", "sk": "b"'
DEEP = "[" * 40 + "]" * 40


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('"n": NaN', "NaN is no number"),
        ('"n": Infinity', "Infinity is no number"),
        ('"n": -Infinity', "-Infinity is no number"),
        ('"order": {"lines": [1, NaN]}', "NaN is no number"),
        ('"n": 1e200', r"n is 1E\+200, which DynamoDB does not store"),
        ('"n": 1e-200', "n is 1E-200"),
        (f'"n": {"1" * 39}', "n is 1111"),
        (f'"n": 0.{"1" * 39}', "n is 0.1111"),
        (f'"n": {"1" * 5000}', "not JSON"),
        (f'"order": {{"lines": [1, {{"price": {"1" * 60}}}]}}', r"order\.lines\[1\]\.price is 1111"),
        (r'"t": "\ud800"', "t contains a lone surrogate"),
        (r'"\ud800": 1', "a name in the item contains a lone surrogate"),
        (f'"d": {DEEP}', "nested deeper"),
        (f'"d": {"[" * 100_000}', "not JSON"),
        ('"n": 1,', "not JSON"),
    ],
)  # fmt: skip
def test_a_value_that_dynamodb_does_not_store_is_named(more: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as told:
        parse_item(f"{{{KEYS}, {more}}}")
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["[]", "1", "null", '"a"', "{}", '{"pk": 1, "sk": "b"}', '{"pk": "", "sk": "b"}', "NaN", ""]
)
def test_what_is_not_an_item_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the item"):
        parse_item(text)


def test_what_dynamodb_stores_is_not_changed() -> None:
    item = parse_item(
        f'{{{KEYS}, "n": 0.1, "big": {"9" * 38}, "b": true, "none": null, "l": [[{{}}]], "e": "é\\u0000"}}'
    )
    assert (str(item["n"]), item["big"], item["b"], item["none"]) == ("0.1", int("9" * 38), True, None)


@pytest.fixture
def environment(ministack_server: MinistackServer | GivenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "NOTIFIER_"))]:
        monkeypatch.delenv(name)
    variables = {
        **CREDENTIALS,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "NOTIFIER_DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "NOTIFIER_BROKER_URL": "redis://127.0.0.1:1/0",
        "NOTIFIER_AWS_ENDPOINT_URL": ministack_server.url,
        "NOTIFIER_AWS_REGION": "eu-west-1",
        "NOTIFIER_TABLES": "put-and-deleted",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("environment")
def test_an_item_is_written_and_deleted() -> None:
    EventTable(read_settings(Settings), "put-and-deleted").create()
    item = f'{{{KEYS}, "n": 1.5}}'
    assert run("put", item).stdout == "written to put-and-deleted\n"
    assert run("put", item, "--delete").stdout == "deleted from put-and-deleted\n"
    again = run("put", "--delete", f"{{{KEYS}}}")
    assert (again.returncode, "nothing was deleted" in again.stdout) == (1, True)


@pytest.mark.usefixtures("environment")
def test_an_update_leaves_other_attributes_and_needs_an_item() -> None:
    table = EventTable(read_settings(Settings), "put-and-deleted")
    table.create()
    none = run("put", "--update", "pk=new", "sk=b", "state=open")
    assert (none.returncode, "nothing was updated" in none.stdout) == (1, True)
    assert run("put", "pk=new", "sk=b", "state=open", "name=Ana").returncode == 0
    assert run("put", "--update", "pk=new", "sk=b", "state=done", "n:=2").stdout == "updated in put-and-deleted\n"
    client = table._client
    item = client.get_item(TableName="put-and-deleted", Key={"pk": {"S": "new"}, "sk": {"S": "b"}})["Item"]
    assert item == {
        "pk": {"S": "new"},
        "sk": {"S": "b"},
        "state": {"S": "done"},
        "name": {"S": "Ana"},
        "n": {"N": "2"},
    }
    nothing = run("put", "--update", "pk=new", "sk=b")
    assert (nothing.returncode, "needs an attribute" in nothing.stderr) == (2, True)


@pytest.mark.usefixtures("environment")
def test_items_of_a_file_are_written_and_deleted_in_their_order(tmp_path: Path) -> None:
    EventTable(read_settings(Settings), "put-and-deleted").create()
    file = tmp_path / "items.json"
    file.write_text('{"pk": "f", "sk": "1", "n": 1}\n{"pk": "f", "sk": "1", "n": 2}\n{"pk": "f", "sk": "2"}\n')
    assert run("put", "--file", str(file)).stdout == "3 items written to put-and-deleted\n"
    done = run("put", "--file", str(file), "--delete", "--json")
    assert json.loads(done.stdout) == {"table": "put-and-deleted", "changed": False, "items": 2, "missing": 1}
    assert done.returncode == 1
    for words in (
        ["--file", str(file), "pk=a"],
        [],
        ["--file", str(tmp_path / "none")],
        ["--update", "--delete", "{}"],
    ):
        assert run("put", *words).returncode == 2


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("words", "more", "why"),
    [
        ((f'{{{KEYS}, "n": NaN}}',), {}, "NaN is no number"),
        ((f"{{{KEYS}}}", "--table", "not-there"), {}, "has no table 'not-there'"),
        ((f"{{{KEYS}}}", "--delete", "--table", "not-there"), {}, "has no table 'not-there'"),
        ((f"{{{KEYS}}}", "--table", "a b"), {}, "DynamoDB at"),
        ((f"{{{KEYS}}}",), {"NOTIFIER_AWS_REGION": ""}, "region"),
        ((f"{{{KEYS}}}",), {"NOTIFIER_AWS_ENDPOINT_URL": "not a URL"}, ""),
        ((f"{{{KEYS}}}",), {"NOTIFIER_AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "no answer from DynamoDB"),
    ],
)
def test_a_mistake_is_one_line(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], more: dict[str, str], why: str
) -> None:
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    done = run("put", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1
