"""The rules of every setting: white space around it is removed, quotes and control characters are refused."""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from notifier.errors import SettingsError
from notifier.settings import (
    DatabaseSettings,
    HealthSettings,
    RoleSettings,
    Settings,
    read_settings,
    unknown_variables,
)
from notifier.settings.variables import QUOTED
from sandbox.system import clean_environment, only_environment

RIGHT = {
    "NOTIFIER_DATABASE_URL": "postgresql://u@h/d",
    "NOTIFIER_BROKER_URL": "redis://h",
}
VALUES = {
    "allow_nondurable_database": "true",
    "apns_key_id": "ABC123DEFG",
    "apns_team_id": "TEAM123456",
    "aws_region": "eu-west-1",
    "bounce_rate_limit": "0.03",
    "broker_url": "redis://host/1",
    "database_url": "postgresql://user@host/database",
    "erasure_keys": "one,two",
    "feedback_queue_url": "https://sqs.example/1/queue",
    "log_format": "json",
    "log_level": "debug",
    "not_before": "2026-01-31T00:00:00Z",
    "rates": "email=50,sms=10",
    "redirect_to": "email=team@example.com,sms=+351912345678",
    "sender": "Notifier <us@example.com>",
    "ses_mode": "bulk",
    "shadow_from": "2026-01-31T00:00:00Z",
    "shadow_until": "2026-01-31T00:00:00Z",
    "sms_max_price": "0.1",
    "sms_max_segments": "3",
    "sms_region": "PT",
    "sms_type": "Promotional",
    "status_updates": "failed,bounced",
    "tables": "one,two",
    "transport": "stock",
    "unsubscribe_keys": "k" * 32,
    "unsubscribe_url": "https://mail.example.com/u",
}
AROUND = [" {}", "{}\n", "\t{} \r\n", "\N{NO-BREAK SPACE}{}", "\N{ZERO WIDTH NO-BREAK SPACE}{}\N{ZERO WIDTH SPACE}"]
QUOTES = ['"{}"', "'{}'", "`{}`", "\N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK}"]
INSIDE = ["{}\x07x", "{}\nx", "{}\x1bx", "{}\x85x", "{}\N{LINE SEPARATOR}x", "{}\x7fx"]
KINDS: list[type[BaseSettings]] = [HealthSettings, DatabaseSettings, RoleSettings, Settings]
NAMES = [(kind, name) for kind in KINDS for name in kind.model_fields]
IDS = [f"{kind.__name__}-{name}" for kind, name in NAMES]


def environment(given: Mapping[str, str]) -> AbstractContextManager[None]:
    return only_environment({**clean_environment(), **RIGHT, **given})


def value_of(kind: type[BaseSettings], name: str) -> str:
    if name in VALUES:
        return VALUES[name]
    if name.endswith("endpoint_url"):
        return "http://host:1"
    default = kind.model_fields[name].default
    return str(default) if default not in ("", None) else "7" if name.endswith(("seconds", "second", "port")) else "x"


def plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


@pytest.mark.parametrize(("kind", "name"), NAMES, ids=IDS)
def test_white_space_around_any_setting_is_removed(kind: type[BaseSettings], name: str) -> None:
    value = value_of(kind, name)
    with environment({f"NOTIFIER_{name.upper()}": value}):
        meant = plain(getattr(read_settings(kind), name))
    for around in AROUND:
        with environment({f"NOTIFIER_{name.upper()}": around.format(value)}):
            assert plain(getattr(read_settings(kind), name)) == meant


@pytest.mark.parametrize(("kind", "name"), NAMES, ids=IDS)
def test_quotes_around_any_setting_are_refused_by_name(kind: type[BaseSettings], name: str) -> None:
    for quoted in QUOTES:
        refuse(kind, name, quoted.format(value_of(kind, name)), "quotes")


@pytest.mark.parametrize(("kind", "name"), NAMES, ids=IDS)
def test_control_characters_in_any_setting_are_refused_by_name(kind: type[BaseSettings], name: str) -> None:
    for inside in INSIDE:
        refuse(kind, name, inside.format(value_of(kind, name)), "control characters")


@pytest.mark.parametrize(("kind", "name"), NAMES, ids=IDS)
def test_a_setting_of_white_space_is_one_that_is_not_set(kind: type[BaseSettings], name: str) -> None:
    for blank in (" ", "\n", "\t \r\n", "\N{ZERO WIDTH SPACE}"):
        with environment({f"NOTIFIER_{name.upper()}": blank}):
            if kind.model_fields[name].is_required():
                with pytest.raises(SettingsError, match=f"NOTIFIER_{name.upper()} is not set"):
                    read_settings(kind)
            else:
                assert getattr(read_settings(kind), name) == kind.model_fields[name].default


def refuse(kind: type[BaseSettings], name: str, value: str, says: str) -> None:
    with environment({f"NOTIFIER_{name.upper()}": value}), pytest.raises(SettingsError) as refused:
        read_settings(kind)
    assert str(refused.value).startswith(f"NOTIFIER_{name.upper()} is wrong: ")
    assert says in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


QUOTABLE = {name for kind in KINDS for name, field in kind.model_fields.items() if field.json_schema_extra == QUOTED}


def test_quotes_are_allowed_in_names_and_passwords() -> None:
    assert {"actor", "sender", "smtp_password", *RoleSettings.model_fields} == QUOTABLE
    for sender in ('"Doe, J" <j@example.com>', "O'Brien & Co <o@example.com>", "«Wir» heute <w@example.com>"):
        with environment({"NOTIFIER_SENDER": sender}):
            assert read_settings(Settings).sender == sender
    with environment({"NOTIFIER_BRIDGE_PASSWORD": "it's \"x"}):
        assert read_settings(RoleSettings).passwords() == {"notifier_bridge": "it's \"x"}


@pytest.mark.parametrize("name", sorted({name for _, name in NAMES} - QUOTABLE))
def test_quotes_inside_are_refused_by_name(name: str) -> None:
    for value in ('{}"x', "it's{}"):
        refuse(Settings, name, value.format(value_of(Settings, name)), "quotes")


def test_lists_may_be_spread_over_lines() -> None:
    with environment({"NOTIFIER_TABLES": "one,\n  two,\n", "NOTIFIER_RATES": "email = 5,\nsms=1\n"}):
        settings = read_settings(Settings)
    assert (settings.tables, settings.rates) == (("one", "two"), {"email": 5.0, "sms": 1.0})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ses_configuration_set", "my set"),
        ("ses_configuration_set", "a/b"),
        ("aws_region", "EU West 1"),
        ("sms_sender_id", "far too long a name"),
        ("aws_ses_endpoint_url", "https://user:hush@host"),
        ("aws_endpoint_url", "https://host/?token=hush"),
        ("aws_sqs_endpoint_url", "https://host:hush"),
        ("feedback_queue_url", "https://user:hush@sqs.example/1/queue"),
    ],
)
def test_a_value_that_would_fail_each_message_is_refused(name: str, value: str) -> None:
    refuse(Settings, name, value, "")
    with environment({f"NOTIFIER_{name.upper()}": value}), pytest.raises(SettingsError) as refused:
        read_settings(Settings)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("given", [{"UNKNOWN_AFTER_SECONDS": "59"}, {"SEND_LEASE_SECONDS": "301"}])
def test_a_deadline_of_unknown_outcomes_that_is_shorter_than_a_lease_is_refused(given: dict[str, str]) -> None:
    with environment({f"NOTIFIER_{name}": value for name, value in given.items()}):
        with pytest.raises(SettingsError) as refused:
            read_settings(Settings)
        assert str(refused.value).startswith("NOTIFIER_UNKNOWN_AFTER_SECONDS is wrong: it must be at least ")
    with environment({"NOTIFIER_UNKNOWN_AFTER_SECONDS": "5", "NOTIFIER_SEND_LEASE_SECONDS": "5"}):
        assert read_settings(Settings).unknown_after_seconds == 5


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("NOTIFIER_UNITSIZE", "NOTIFIER_UNIT_SIZE"),
        ("NOTIFIER_SES_CONFIGSET", "NOTIFIER_SES_CONFIGURATION_SET"),
        ("NOTIFIER_LOGLEVEL", "NOTIFIER_LOG_LEVEL"),
        ("NOTIFIER_REGION", "NOTIFIER_AWS_REGION"),
        ("NOTIFIER_TABLE", "NOTIFIER_TABLES"),
        ("notifier_tabels", "NOTIFIER_TABLES"),
        ("NOTIFIER_DB_URL", "NOTIFIER_DATABASE_URL"),
        ("NOTIFIER_BRIDGE_PASWORD", "NOTIFIER_BRIDGE_PASSWORD"),
        ("NOTIFIER_XYZZY", "docs/settings.md"),
    ],
)
def test_an_unknown_variable_is_reported_with_the_nearest_name(given: str, near: str) -> None:
    ((variable, line),) = unknown_variables({given: "1", "PATH": "/bin", "NOTIFIER_ROUTES": "x"}).items()
    assert variable == given
    assert line.startswith(f"{given} is not a setting")
    assert near in line


def test_known_variables_are_not_reported() -> None:
    known = {f"NOTIFIER_{name.upper()}": "1" for _, name in NAMES}
    assert unknown_variables({**known, "notifier_unit_size": "1", "NOTIFIER_ACTOR": "ana"}) == {}
    assert unknown_variables({"NOTIFIER_TEST_DATABASE_URL": "x", "NOTIFIER_UNITSIZE": " "}) == {}


def test_variables_of_a_channel_in_another_package_are_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.settings.variables._added_channels", lambda: {"ntfy", "my-push"})
    assert unknown_variables({"NOTIFIER_NTFY_URL": "x", "NOTIFIER_MY_PUSH_KEY": "x"}) == {}
    assert len(unknown_variables({"NOTIFIER_SMS_SENDERID": "x"})) == 1


@pytest.mark.parametrize("words", ["status", "worker email"])
def test_commands_and_processes_warn(words: str) -> None:
    given = {"NOTIFIER_UNITSIZE": "1", "NOTIFIER_DATABASE_URL": "postgresql://127.0.0.1:1/d"}
    command = [sys.executable, "-m", "notifier", *words.split()]
    with environment({**given, "NOTIFIER_ROUTES": "no.such", "NOTIFIER_LOG_FORMAT": "json"}):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    (line,) = (line for line in done.stderr.splitlines() if "NOTIFIER_UNITSIZE" in line)
    assert "did you mean NOTIFIER_UNIT_SIZE?" in line
    if words != "status":
        assert json.loads(line)["level"] == "warning"
    assert done.returncode == 2
