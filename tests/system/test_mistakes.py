"""What a user gets wrong is answered by one clear line and exit code 2, never by a traceback."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.embedded.postgres import PostgresServer
from tests.conftest import GivenPostgres, administer

NOWHERE = "127.0.0.1:1"


@pytest.fixture
def environment(database_url: str, broker_url: str, tmp_path: Path) -> dict[str, str]:
    """A setup that is right, but for AWS, which is nowhere."""
    (tmp_path / "my_routes.py").write_text(
        "from notifier import Email, Event, route\n\n\n"
        '@route(table="activity", channel="email")\n'
        "def hello(event: Event) -> Email | None:\n    return None\n"
    )
    (tmp_path / "templates").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NOTIFIER_", "AWS_"))}
    return kept | {
        "NOTIFIER_DATABASE_URL": database_url,
        "NOTIFIER_ALLOW_NONDURABLE_DATABASE": "true",
        "NOTIFIER_BROKER_URL": broker_url,
        "NOTIFIER_ROUTES": "my_routes",
        "NOTIFIER_TABLES": "activity",
        "NOTIFIER_SENDER": "us@example.com",
        "NOTIFIER_FEEDBACK_QUEUE_URL": f"http://{NOWHERE}/000000000000/ses-events",
        "NOTIFIER_AWS_ENDPOINT_URL": f"http://{NOWHERE}",
        "NOTIFIER_AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": str(tmp_path),
    }


def refused(words: str, environment: dict[str, str]) -> str:
    """What `notifier WORDS` says when it ends with 2."""
    command = [sys.executable, "-m", "notifier", *words.split()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("notifier:")]
    assert len(lines) == 1, done.stderr
    return lines[0]


BAD_SETTINGS = [
    ("status", "NOTIFIER_DATABASE_URL", None, "NOTIFIER_DATABASE_URL is not set"),
    ("status", "NOTIFIER_DATABASE_URL", "mysql://x", "must start with postgresql://"),
    ("status", "NOTIFIER_DATABASE_URL", f"postgresql://u:hush@{NOWHERE}/d", f"no database at .*{NOWHERE}"),
    ("migrate", "NOTIFIER_DATABASE_URL", f"postgresql://u:hush@{NOWHERE}/d", f"no database at .*{NOWHERE}"),
    ("bridge", "NOTIFIER_DATABASE_URL", f"postgresql://u:hush@{NOWHERE}/d", "Is NOTIFIER_DATABASE_URL right"),
    ("worker email", "NOTIFIER_DATABASE_URL", f"postgresql://u:hush@{NOWHERE}/d", "Is NOTIFIER_DATABASE_URL right"),
    ("bridge", "NOTIFIER_BROKER_URL", f"redis://:hush@{NOWHERE}/0", f"no broker at .*{NOWHERE}"),
    ("worker email", "NOTIFIER_BROKER_URL", f"redis://:hush@{NOWHERE}/0", f"no broker at .*{NOWHERE}"),
    ("worker email", "NOTIFIER_BROKER_URL", "localhost", "NOTIFIER_BROKER_URL is not a URL"),
    ("bridge", "NOTIFIER_TABLES", "", "NOTIFIER_TABLES is not set"),
    ("bridge", "NOTIFIER_TABLES", "activity", f"DynamoDB Streams at http://{NOWHERE}"),
    ("bridge", "NOTIFIER_ROUTES", "", "NOTIFIER_ROUTES is not set"),
    ("bridge", "NOTIFIER_ROUTES", "no.such", "there is no such module"),
    ("bridge", "NOTIFIER_ROUTES", "json", "json has no route"),
    ("worker email", "NOTIFIER_TEMPLATES", "/no/such/folder", "/no/such/folder"),
    ("worker email", "NOTIFIER_SENDER", "", "NOTIFIER_SENDER is not set"),
    ("worker email", "NOTIFIER_SENDER", "not an address", "NOTIFIER_SENDER"),
    (
        "worker pigeon",
        "NOTIFIER_SENDER",
        "us@example.com",
        "no channel is called 'pigeon'; installed are: apns, chat, email",
    ),
    ("feedback", "NOTIFIER_DATABASE_URL", f"postgresql://u:hush@{NOWHERE}/d", "Is NOTIFIER_DATABASE_URL right"),
    ("feedback", "NOTIFIER_FEEDBACK_QUEUE_URL", None, "NOTIFIER_FEEDBACK_QUEUE_URL is not set"),
    ("feedback", "NOTIFIER_FEEDBACK_QUEUE_URL", "ses-events", "is not the URL of a queue"),
    ("feedback", "NOTIFIER_FEEDBACK_QUEUE_URL", f"http://{NOWHERE}/1/q", "no answer from SQS"),
    ("feedback", "NOTIFIER_FEEDBACK_TOPIC_ARN", "ses-events", "is not the ARN of an SNS topic"),
    ("status", "NOTIFIER_DATABASE_URL", "postgresql://u:hush@h:port/d", "the port is not a number"),
    ("bridge", "NOTIFIER_BROKER_URL", "redis://:hush@h:port/0", "NOTIFIER_BROKER_URL is wrong"),
    ("bridge", "NOTIFIER_ROUTES", "my_routes.py", "without .py: NOTIFIER_ROUTES=my_routes$"),
    ("up", "NOTIFIER_ROUTES", "no.such", "there is no such module"),
    ("up", "NOTIFIER_TEMPLATES", "/no/such/folder", "/no/such/folder"),
    ("bridge", "NOTIFIER_QUEUE_HIGH_WATER", "many", "NOTIFIER_QUEUE_HIGH_WATER is wrong"),
    ("worker webhook", "NOTIFIER_WEBHOOK_SECRET", None, "NOTIFIER_WEBHOOK_SECRET is not set"),
    ("worker email webhook", "NOTIFIER_WEBHOOK_SECRET", " \n", "NOTIFIER_WEBHOOK_SECRET is not set"),
    ("worker webhook", "NOTIFIER_WEBHOOK_SECRET", " , ", "NOTIFIER_WEBHOOK_SECRET is not set"),
    ("worker email", "NOTIFIER_SES_CONFIGURATION_SET", '"x"', "NOTIFIER_SES_CONFIGURATION_SET is wrong"),
    ("status", "NOTIFIER_DATABASE_URL", f"postgresql://u:pa/hush@{NOWHERE}/d", "%2F"),
    ("status", "NOTIFIER_DATABASE_URL", f"postgresql://u:p@hush@{NOWHERE}/d", f"no database at .*{NOWHERE}"),
    ("bridge", "NOTIFIER_BROKER_URL", "redis://127.0.0.1/notanumber", "NOTIFIER_BROKER_URL is wrong"),
    ("bridge", "NOTIFIER_HEARTBEAT_FOLDER", "/proc", "NOTIFIER_HEARTBEAT_FOLDER"),
    ("feedback", "NOTIFIER_HEARTBEAT_FOLDER", "/proc", "NOTIFIER_HEARTBEAT_FOLDER"),
    ("worker email", "NOTIFIER_HEARTBEAT_FOLDER", "/proc", "NOTIFIER_HEARTBEAT_FOLDER"),
    ("worker email", "NOTIFIER_HEARTBEAT_FOLDER", "/no/such/folder", "NOTIFIER_HEARTBEAT_FOLDER"),
    ("bridge", "NOTIFIER_AWS_ENDPOINT_URL", f"http://u:hush@{NOWHERE}", "NOTIFIER_AWS_ENDPOINT_URL is wrong"),
]


@pytest.mark.parametrize(("words", "name", "value", "says"), BAD_SETTINGS)
def test_a_wrong_setting(environment: dict[str, str], words: str, name: str, value: str | None, says: str) -> None:
    changed = {key: each for key, each in environment.items() if key != name}
    if value is not None:
        changed[name] = value
    line = refused(words, changed)
    assert re.search(says, line), line
    assert "hush" not in line


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("import not_there", "needs not_there, which is not installed"),
        (
            'from notifier import route\n@route(table="t", channel="email", on="UPSERT")\ndef a(e): ...',
            "is not one of INSERT",
        ),
        (
            'from notifier import route\n@route(table="t", channel="email", match={"type": "x"})\ndef a(e): ...',
            "must be a list of values",
        ),
    ],
)
def test_a_mistake_in_the_routes(environment: dict[str, str], tmp_path: Path, code: str, says: str) -> None:
    (tmp_path / "my_routes.py").write_text(code)
    assert says in refused("bridge", environment)


@pytest.mark.parametrize("words", ["bridge", "worker email", "up"])
def test_a_channel_that_is_not_installed(environment: dict[str, str], tmp_path: Path, words: str) -> None:
    routes = (tmp_path / "my_routes.py").read_text().replace('"email"', '"emial"')
    (tmp_path / "my_routes.py").write_text(routes)
    assert "channel='emial'; installed are: apns, chat, email, push" in refused(words, environment)


@pytest.mark.parametrize("words", ["bridge", "feedback"])
def test_no_credentials(environment: dict[str, str], words: str) -> None:
    changed = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    changed |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
    assert "no AWS credentials" in refused(words, changed)


def test_a_broken_template(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "hello"
    folder.mkdir()
    (folder / "subject.txt").write_text("Hello {{ name }")
    (folder / "body.txt").write_text("Hello")
    line = refused("worker email", environment)
    assert "subject.txt" in line


@pytest.mark.parametrize("words", ["bridge", "feedback", "worker email", "status"])
def test_a_database_that_was_not_migrated(environment: dict[str, str], empty_database_url: str, words: str) -> None:
    line = refused(words, environment | {"NOTIFIER_DATABASE_URL": empty_database_url})
    assert "run `notifier migrate`" in line


@pytest.mark.parametrize("words", ["migrate", "status"])
def test_a_database_that_cannot_hold_all_text(
    environment: dict[str, str], postgres_server: PostgresServer | GivenPostgres, words: str
) -> None:
    administer(postgres_server.url(), "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    line = refused(words, environment | {"NOTIFIER_DATABASE_URL": postgres_server.url("ascii")})
    administer(postgres_server.url(), "DROP DATABASE ascii WITH (FORCE)")
    assert "ENCODING 'UTF8'" in line


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("show nonsense", "is not the id of a notification"),
        ("show 00000000-0000-0000-0000-000000000000", "there is no notification"),
        ("list --status done", "no status is called 'done'"),
        ("health cat", "neither bridge nor feedback nor status-sender nor worker"),
    ],
)
def test_a_wrong_word(environment: dict[str, str], words: str, says: str) -> None:
    assert says in refused(words, environment)


@pytest.fixture
def empty_database_url(postgres_server: PostgresServer | GivenPostgres) -> Iterator[str]:
    administer(postgres_server.url(), "CREATE DATABASE empty_one")
    yield postgres_server.url("empty_one")
    administer(postgres_server.url(), "DROP DATABASE empty_one WITH (FORCE)")
