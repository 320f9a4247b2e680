"""`notifier routes`: the routes in their order, and which of them an event belongs to."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notifier.cli.in_process import Notifier, notifier
from tests.notifier.preview.project import Project, project

__all__ = ["notifier", "project"]


@pytest.fixture(autouse=True)
def _imports(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command imports the routes into this process: each test has its own."""
    monkeypatch.syspath_prepend(str(project.folder))
    yield
    sys.modules.pop("shop_routes", None)


@pytest.fixture
def item(tmp_path: Path) -> Path:
    file = tmp_path / "item.json"
    file.write_text('{"kind": "mail", "to": "ana@example.com", "name": "Ana"}')
    return file


def test_the_routes_in_their_order(notifier: Notifier) -> None:
    done = notifier("routes")
    assert done.returncode == 0
    lines = [line.split() for line in done.stdout.splitlines() if " orders " in line]
    assert [line[0] for line in lines] == ["mailed", "texted", "posted", "silent", "broken"]
    assert "before: paid is false" in done.stdout
    (first, *_) = json.loads(notifier("routes", "--json").stdout)["routes"]
    assert (first["name"], first["match"]) == ("mailed", ["kind is “mail”"])


def test_what_an_event_becomes(notifier: Notifier, item: Path) -> None:
    done = notifier("routes", "--event", str(item))
    assert done.returncode == 0
    assert "kind is “mail”; wanted: kind is “text”" in done.stdout
    assert "Hello Ana" in done.stdout
    assert "shop@example.com" in done.stdout
    found = json.loads(notifier("routes", "--event", str(item), "--json").stdout)
    assert (found["owner"], found["message"]["html"]) == ("mailed", "<p>Dear <b>Ana</b></p>")


def test_what_the_users_code_prints_is_no_part_of_the_answer(
    notifier: Notifier, project: Project, item: Path
) -> None:
    project.routes.write_text(
        "print('at import')\n" + project.routes.read_text().replace("    item =", "    print(1); item =")
    )
    done = notifier("routes", "--event", str(item), "--json")
    assert json.loads(done.stdout)["owner"] == "mailed"
    assert "at import" in done.stderr


def test_no_route_claims_it_or_it_cannot_be_built(notifier: Notifier, item: Path) -> None:
    item.write_text('{"kind": "other"}')
    assert notifier("routes", "--event", str(item)).returncode == 1
    item.write_text('{"kind": "broken"}')
    done = notifier("routes", "--event", str(item))
    assert (done.returncode, "KeyError: 'missing'" in done.stdout) == (1, True)


BESIDE = """

@route(table="orders", channel="email", match={"kind": ["mail", "offer"]}, exclusive=False)
def seller(event):
    return Email(to=event.new["seller"], template="hello", context={"name": "Bo"})
"""


def test_routes_beside_the_owner(notifier: Notifier, project: Project, item: Path) -> None:
    project.routes.write_text(project.routes.read_text() + BESIDE)
    listed = notifier("routes").stdout
    assert [line.split()[:4] for line in listed.splitlines() if line.strip().startswith("seller")] == [
        ["seller", "beside", "the", "owner"]
    ]
    assert [each["exclusive"] for each in json.loads(notifier("routes", "--json").stdout)["routes"]] == [True] * 5 + [
        False
    ]
    item.write_text('{"kind": "mail", "to": "ana@example.com", "name": "Ana", "seller": "bo@example.com"}')
    done = notifier("routes", "--event", str(item))
    assert done.returncode == 0
    assert "yes, beside the owner" in done.stdout
    assert "ana@example.com" in done.stdout
    assert "bo@example.com" in done.stdout
    found = json.loads(notifier("routes", "--event", str(item), "--json").stdout)
    assert [each["route"] for each in found["beside"]] == ["seller"]
    assert found["beside"][0]["message"]["to"] == "bo@example.com"
    assert [each["name"] for each in found["verdicts"] if each["claims"]] == ["mailed", "seller"]


def test_a_route_beside_the_owner_claims_an_event_alone_or_fails_alone(
    notifier: Notifier, project: Project, item: Path
) -> None:
    project.routes.write_text(project.routes.read_text() + BESIDE)
    item.write_text('{"kind": "offer", "seller": "bo@example.com"}')
    found = json.loads(notifier("routes", "--event", str(item), "--json").stdout)
    assert (found["owner"], found["message"], len(found["beside"])) == (None, None, 1)
    assert notifier("routes", "--event", str(item)).returncode == 0
    item.write_text('{"kind": "mail", "to": "ana@example.com", "name": "Ana"}')
    assert notifier("routes", "--event", str(item)).returncode == 1, "the message of the seller cannot be built"


def test_mistakes_exit_with_2(notifier: Notifier, item: Path) -> None:
    assert notifier("routes", "--event", "no-such-file").returncode == 2
    assert notifier("routes", "--event", str(item), "--on", "upsert").returncode == 2
    assert notifier("routes", NOTIFIER_ROUTES="no_such_routes").returncode == 2
