"""A project of a user: a routes module and templates in a folder, which processes find by PYTHONPATH."""

from pathlib import Path

import pytest

ROUTES = """
from datetime import timedelta
from decimal import Decimal

from notifier import Email, RetryPolicy, Sms, Webhook, route


@route(table="orders", channel="email", match={"kind": ["mail"]})
def mailed(event):
    item = event.new
    return Email(to=item["to"], template="hello", context=item, locale=item.get("locale"))


@route(table="orders", channel="sms", match={"kind": ["text"]}, expires_after=timedelta(hours=6))
def texted(event):
    return Sms(to="+351912345678", text=event.new["text"])


@route(table="orders", on="MODIFY", channel="webhook", match={"paid": [True]}, match_old={"paid": [False]},
       retry=RetryPolicy(attempts=3))
def posted(event):
    return Webhook(to="https://shop.example.com/hooks", payload={"total": event.new["total"]}, secret="whsec_hidden")


@route(table="orders", on=["REMOVE"], channel="email")
def silent(event):
    return None


@route(table="orders", channel="email", match={"kind": ["broken"]})
def broken(event):
    return event.new["missing"]
"""


class Project:
    """The folder. `line` is the number of the line in the routes that has this text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.routes = folder / "shop_routes.py"
        self.routes.write_text(ROUTES)
        self.template("hello/subject.txt", "Hello {{ name }}")
        self.template("hello/body.txt", "Dear {{ name }}")
        self.template("hello/body.html", "<p>Dear <b>{{ name }}</b></p>")
        self.template("hello/subject.de.txt", "Hallo {{ name }}")
        self.template("hello/body.de.txt", "Liebe {{ name }}")

    def template(self, path: str, text: str) -> None:
        file = self.folder / "templates" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def line(self, text: str) -> int:
        return next(n for n, line in enumerate(self.routes.read_text().splitlines(), 1) if text in line)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    found = Project(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("NOTIFIER_ROUTES", "shop_routes")
    monkeypatch.setenv("NOTIFIER_SENDER", "shop@example.com")
    return found
