"""From an event to its mail, from the mail's header to a POST, and what the next events become."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import Engine

from notifier.notifications import Status
from notifier.outbox import Report
from sandbox.embedded.allocation import free_port
from sandbox.system import System
from tests.sql import Sql
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(180)

ANA, BO = "Ana <Ana@Example.com>", "bo@example.com"


@pytest.fixture
def site(system: System, tmp_path: Path) -> System:
    """All processes, with the preferences pages on a port of their own."""
    for name, text in {"news": "Leave: {{ unsubscribe_url }}", "receipt": "Paid."}.items():
        folder = tmp_path / "templates" / name
        folder.mkdir(parents=True)
        (folder / "subject.txt").write_text(name)
        (folder / "body.txt").write_text(text)
    port = free_port()
    system.options.update(
        NOTIFIER_ROUTES="tests.system.unsubscribe.routes",
        NOTIFIER_TEMPLATES=str(tmp_path / "templates"),
        NOTIFIER_UNSUBSCRIBE_URL=f"http://127.0.0.1:{port}/u",
        NOTIFIER_UNSUBSCRIBE_KEYS="k" * 32,
        NOTIFIER_PREFERENCES_PORT=str(port),
    )
    return system


def write(system: System, *kinds_and_recipients: tuple[str, str]) -> None:
    """Write an event for each, with a key of its own."""
    number = system.__dict__.setdefault("_written", 0)
    items: list[dict[str, Any]] = [
        {"pk": f"event#{number + n}", "sk": "1", "type": kind, "to": to}
        for n, (kind, to) in enumerate(kinds_and_recipients)
    ]
    system.__dict__["_written"] = number + len(items)
    list(system.table().write(items))


def mails(system: System) -> list[dict[str, Any]]:
    found = system.ses.get("/_sim/inbox?limit=50")["mails"]
    return [system.ses.get(f"/_sim/inbox/{each['id']}") for each in found]


@pytest.mark.parametrize("mode", ["bulk", "single"])
def test_who_unsubscribes_gets_no_more_of_the_topic_and_all_else(site: System, engine: Engine, mode: str) -> None:
    site.options["NOTIFIER_SES_MODE"] = mode
    for name, *words in (("preferences", "preferences"), ("bridge", "bridge"), ("worker", "worker", "email")):
        site.start(name, *words)
    write(site, ("news", ANA), ("news", BO), ("receipt", ANA), ("password", ANA))
    wait_until(lambda: site.ses.accepted() == 4, seconds=60)

    by_subject = [(each["subject"], each) for each in mails(site)]
    for subject, mail in by_subject:
        headers = dict(mail["headers"])
        if subject == "news":
            link = headers["List-Unsubscribe"].strip("<>")
            assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            assert f"Leave: {link}" in mail["text"]
            assert "example.com" not in link
        else:
            assert not any("unsubscribe" in name.lower() for name in headers)
    hers = next(mail for subject, mail in by_subject if subject == "news" and "Ana" in str(mail["to"]))
    link = dict(hers["headers"])["List-Unsubscribe"].strip("<>")
    assert urlsplit(link).path.startswith("/u/")
    wait_until(lambda: _answers(link), seconds=60)
    assert httpx.get(link, trust_env=False).status_code == 200  # a scanner opens it: nothing changes
    assert Sql(engine).all("SELECT * FROM suppressions") == []
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert httpx.post(link, content="List-Unsubscribe=One-Click", headers=form, trust_env=False).status_code == 200

    write(site, ("news", ANA), ("news", BO), ("receipt", ANA), ("password", ANA))
    report = Report(engine)
    wait_until(lambda: report.totals().get(Status.SUPPRESSED) == 1 and site.ses.accepted() == 7, seconds=60)

    (row,) = Sql(engine).all("SELECT recipient, reason FROM deliveries WHERE status = 'suppressed'")
    assert row == {"recipient": "ana@example.com", "reason": "unsubscribe"}
    assert [each["subject"] for each in mails(site)].count("news") == 3


def _answers(link: str) -> bool:
    try:
        return httpx.get(link, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
