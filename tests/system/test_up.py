"""`notifier up` and the demo beside what a user has on the machine."""

from pathlib import Path

import pytest

from sandbox.system import EXAMPLE, System, notifier_process, own_options


def test_a_users_file_names_take_no_librarys_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("email.py", "queue.py", "celery.py", "redis.py"):
        (tmp_path / name).write_text("raise RuntimeError(__file__)")
    monkeypatch.chdir(tmp_path)
    with notifier_process("help", ["worker", "--help"], tmp_path, {}) as child:
        child.finish(30)


def test_the_demo_ignores_what_the_user_exports(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*EXAMPLE, "NOTIFIER_AWS_DYNAMODB_ENDPOINT_URL"):
        monkeypatch.setenv(name, "http://mine")
    assert EXAMPLE.items() <= system.environment.items()
    assert system.settings.endpoint("dynamodb") == system.aws.url


def test_up_takes_the_users_options_and_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_LOG_LEVEL", "debug")
    monkeypatch.setenv("NOTIFIER_BROKER_URL", "redis://mine")
    options = own_options()
    assert options["NOTIFIER_LOG_LEVEL"] == "debug"
    assert "NOTIFIER_BROKER_URL" not in options
