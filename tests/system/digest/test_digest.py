"""From several events in a stream to one mail, with real processes."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from notifier.cli import app
from notifier.notifications import Status
from notifier.outbox import Report
from sandbox.system import System
from tests.sql import Sql
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(180)

ANA = "ana@example.com"


@pytest.fixture
def site(system: System, tmp_path: Path) -> System:
    folder = tmp_path / "templates" / "viewed"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("{{ count }} viewed your profile")
    (folder / "body.txt").write_text("{{ names }}")
    system.options.update(
        NOTIFIER_ROUTES="tests.system.digest.routes", NOTIFIER_TEMPLATES=str(tmp_path / "templates")
    )
    return system


def write(system: System, *visitors: str, profile: str = ANA) -> None:
    items: list[dict[str, Any]] = [
        {"pk": f"view#{visitor}", "sk": "1", "type": "profile_view", "profile": profile, "visitor": visitor}
        for visitor in visitors
    ]
    list(system.table().write(items))


def test_the_first_view_is_mailed_at_once_and_those_that_follow_become_one_mail(
    site: System, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.start("bridge", "bridge")
    site.start("worker", "worker", "email")
    write(site, "al", profile="eve@example.com")  # until both processes run: the window does not wait for them
    wait_until(lambda: site.ses.accepted() == 1, seconds=60)
    write(site, "bo")
    wait_until(lambda: site.ses.accepted() == 2, seconds=60)
    write(site, "cy", "di", "ed")
    wait_until(lambda: site.ses.accepted() == 3, seconds=60)
    report = Report(engine)
    wait_until(lambda: report.totals() == {Status.SENT: 3, Status.MERGED: 2}, seconds=30)

    newest = site.ses.get("/_sim/inbox?limit=2")["mails"]
    mails = [site.ses.get(f"/_sim/inbox/{each['id']}") for each in newest]
    found = sorted((each["subject"], each["text"].strip()) for each in mails)
    assert found == [("1 viewed your profile", "bo"), ("3 viewed your profile", "cy di ed")]
    shards, stranded = report.audit()
    assert stranded == []
    assert sum(each["records_notified"] for each in shards) == 5

    monkeypatch.setenv("NOTIFIER_DATABASE_URL", str(site.postgres.url("notifier")))
    merged = Sql(engine).all("SELECT notification_id, leader FROM deliveries WHERE status = 'merged'")
    (leader,) = {row["leader"] for row in merged}
    assert shown(merged[0]["notification_id"])["leader"] == str(leader)
    assert set(shown(leader)["members"]) == {str(row["notification_id"]) for row in merged}
    listed = CliRunner().invoke(app, ["list", "--status", "merged", "--recipient", ANA, "--json"])
    assert len(json.loads(listed.stdout.splitlines()[-1])["notifications"]) == 2


def shown(id_: object) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["show", str(id_), "--json"])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
