"""A good set-up on real servers, of which each test breaks one part."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from notifier.database.engine import connect
from notifier.doctor.check import Found, examine
from notifier.doctor.checks import chosen
from notifier.doctor.finding import Level
from notifier.doctor.setup import Setup
from notifier.outbox.roles import grant_roles
from notifier.settings import Settings, read_settings
from sandbox.system import CREDENTIALS
from tests.conftest import administer

SECONDS = 30.0


class Diagnosis(list[Found]):
    """The findings of some checks."""

    def at(self, level: Level) -> list[str]:
        return [each.finding.what for each in self if each.finding.level is level]

    def the(self, level: Level, *words: str) -> str:
        """Return the sentences of the one finding of that level with these words in it, and of no worse one."""
        found = [each.finding for each in self if each.finding.level is level]
        matching = [each for each in found if all(word in f"{each.what} {each.remedy}" for word in words)]
        assert len(matching) == 1, [(each.finding.level, each.finding.what) for each in self]
        assert matching[0].remedy or ": " in matching[0].what, "nobody is told what to do"
        return f"{matching[0].what} | {matching[0].remedy} | {matching[0].page}"


Diagnose = Callable[..., Diagnosis]
LoginOf = Callable[[str], str]


def as_login(url: str, name: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{name}:pw@{parts.hostname}:{parts.port}").geturl()


@pytest.fixture
def login_of(database_url: str) -> Iterator[LoginOf]:
    """Returns the URL of a new login with the role of a process: `login_of("bridge")`."""
    engine = connect(database_url)
    grant_roles(engine)
    engine.dispose()
    made: list[str] = []

    def of(process: str) -> str:
        made.append(f"{process}_{secrets.token_hex(4)}")
        administer(database_url, f"CREATE ROLE {made[-1]} LOGIN PASSWORD 'pw'")
        administer(database_url, f"GRANT notifier_{process} TO {made[-1]}")
        return as_login(database_url, made[-1])

    yield of
    for name in made:
        administer(database_url, f"DROP ROLE {name}")


@pytest.fixture
def diagnose(monkeypatch: pytest.MonkeyPatch) -> Iterator[Diagnose]:
    """Runs checks by name with these settings: `diagnose("postgres", database_url="...")`."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**CREDENTIALS, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    setups: list[Setup] = []

    def run(*names: str, seconds: float = SECONDS, **given: Any) -> Diagnosis:
        values = {
            "database_url": "postgresql://127.0.0.1:1/none",
            "broker_url": "redis://127.0.0.1:1/0",
            "aws_region": "eu-west-1",
            "aws_endpoint_url": "http://127.0.0.1:1",
            "tables": "activity",
            "routes": "examples.notifications",
            "sender": "Notifier demo <hello@example.com>",
            "ses_configuration_set": "notifier",
            **given,
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in values.items():
                patch.setenv(f"NOTIFIER_{name.upper()}", str(value))
            setups.append(Setup(read_settings(Settings), seconds))
            return Diagnosis(examine(chosen(names), setups[-1], seconds))

    yield run
    for each in setups:
        each.close()
