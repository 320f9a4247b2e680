"""deploy/compose/production.yml, as `docker compose config` reads it: no engine is needed. The small shell programs
in it are run here.
"""

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from notifier.broker.configuration import celery_configuration
from notifier.channels import channel_names
from notifier.outbox.roles import ROLES
from notifier.settings import ConsoleSettings, PreferencesSettings, RoleSettings, Settings
from tests.docker.production import block
from workers.sending.sender import _FINISH_SECONDS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "compose"
KNOWN = {
    f"NOTIFIER_{field.upper()}"
    for settings in (Settings, ConsoleSettings, PreferencesSettings, RoleSettings)
    for field in settings.model_fields
}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|AUTH|KEY|DATABASE_URL|BROKER_URL")
PROMTOOL = shutil.which("promtool")


def has_compose() -> bool:
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0


needs_compose = pytest.mark.skipif(not has_compose(), reason="no `docker compose` here; its check needs no engine")


def config(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "compose", "-f", "production.yml", *words, "--profile", "*", "config", "--format", "json"]
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def project(folder: Path) -> Path:
    """The files in a folder of their own, with the example of settings."""
    shutil.copy(FOLDER / "production.yml", folder)
    shutil.copy(FOLDER / "images.env.example", folder)
    shutil.copy(FOLDER / "production.env.example", folder / "production.env")
    return folder


@cache
def services() -> dict[str, dict[str, Any]]:
    """What Compose makes of the file and the examples beside it."""
    with TemporaryDirectory() as folder:
        done = config(project(Path(folder)), "--env-file", "images.env.example")
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    return {name: each for name, each in services().items() if name not in {"backup", "prometheus"}}


@needs_compose
def test_every_process_and_channel_is_there() -> None:
    processes = {"migrate", "bridge", "feedback", "console", "preferences", "status-sender", "operator", "flower"}
    assert ours().keys() == processes | {f"worker-{name}" for name in channel_names()}
    for name, service in ours().items():
        process, _, channel = name.partition("-")
        words = {"worker": ["worker", channel], "migrate": ["migrate", "--roles"], "operator": ["status"]}.get(
            process, [name]
        )
        assert name == "flower" or service["command"] == words
    unasked = {name for name, service in services().items() if not service.get("profiles")}
    assert unasked == {"migrate", "bridge", "feedback", "worker-email", "console"}
    assert services()["prometheus"]["profiles"] == ["monitoring"]


@needs_compose
def test_each_container_is_limited_and_comes_back() -> None:
    for name, service in services().items():
        assert int(service["mem_limit"]) > 0
        assert service["pids_limit"] > 0
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}
        assert service["restart"] == ("no" if name in {"migrate", "operator"} else "unless-stopped")
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert re.search(r"@sha256:[0-9a-f]{64}$", service["image"])
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", []))


@needs_compose
def test_images_must_be_given(tmp_path: Path) -> None:
    done = config(project(tmp_path))
    assert done.returncode != 0
    assert "NOTIFIER_IMAGE" in done.stderr


@needs_compose
def test_a_process_gets_as_long_to_end_as_it_may_need() -> None:
    needed = celery_configuration("redis://unused")["worker_soft_shutdown_timeout"] + _FINISH_SECONDS
    for service in ours().values():
        minutes, seconds = re.fullmatch(r"(\d+)m(\d+)s", service["stop_grace_period"]).groups()  # type: ignore[union-attr]
        assert int(minutes) * 60 + int(seconds) > needed


@needs_compose
def test_secrets_are_files_and_each_process_has_its_own() -> None:
    for name, service in ours().items():
        given = service.get("environment", {})
        written = {each for each in given if SECRET.search(each) and not given[each].endswith("//needs-none")}
        assert written == set()
        assert {each for each in given if each.startswith("NOTIFIER_")} <= KNOWN
        targets = {Path(each["target"]).name: each["source"] for each in service["secrets"]}
        assert {each for each in targets if each.startswith("NOTIFIER_")} <= KNOWN
        if name == "flower":
            assert targets.keys() == {"NOTIFIER_BROKER_URL", "FLOWER_BASIC_AUTH"}
            continue
        login = "owner" if name == "migrate" else "worker" if name.startswith("worker-") else name
        assert targets["NOTIFIER_DATABASE_URL"] == f"{login}-database-url"
        assert login == "owner" or f"notifier_{login.replace('-', '_')}" in ROLES
    targets = {Path(each["target"]).name for each in services()["migrate"]["secrets"]}
    assert {f"NOTIFIER_{name.upper()}" for name in RoleSettings.model_fields} <= targets


def test_the_commands_of_the_page_make_a_file_for_each_secret_and_a_login_for_each_process(tmp_path: Path) -> None:
    """With the two profiles that the page names, too."""
    (tmp_path / "secrets").mkdir()
    shutil.copy(FOLDER / "production.yml", tmp_path)
    commands = block("docs/deploy-compose.md", "openssl rand")
    commands = commands.replace("operator worker", "operator preferences status-sender worker")
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=tmp_path, capture_output=True, check=True)
    listed = set(yaml.safe_load((FOLDER / "production.yml").read_text())["secrets"])
    files = {each.name: each.read_text().strip() for each in (tmp_path / "secrets").iterdir()}
    assert files.keys() == listed
    for name in (each for each in listed if each.endswith("-database-url") and each != "owner-database-url"):
        login, password = re.findall(r"^postgresql://(\w+):([0-9a-f]{48})@DATABASE:5432/", files[name])[0]
        assert login in ROLES
        assert password == files[name.replace("database-url", "password")]


def test_the_command_of_upgrades_adds_the_files_that_are_missing_and_changes_none(tmp_path: Path) -> None:
    """A folder from before a secret was named, without sudo: its words are checked instead."""
    (tmp_path / "secrets").mkdir()
    shutil.copy(FOLDER / "production.yml", tmp_path)
    listed = set(yaml.safe_load((FOLDER / "production.yml").read_text())["secrets"])
    newer = {"console-erasure-url", "console-oidc-client-secret", "preferences-secret"}
    for name in listed - newer:
        (tmp_path / "secrets" / name).write_text(f"{name}\n")
    (tmp_path / "secrets" / "smtp-password").write_text("")
    before = {each.name: (each.read_text(), each.stat().st_mtime_ns) for each in (tmp_path / "secrets").iterdir()}
    sudo = tmp_path / "sudo"
    sudo.write_text(
        '#!/bin/sh\n[ "$1" != install ] || { for file; do :; done; '
        '[ "$*" = "install -o 10001 -m 600 /dev/null $file" ] && exec touch "$file"; exit 1; }\nexec "$@"\n'
    )
    sudo.chmod(0o755)
    commands = block("docs/upgrading.md", "/dev/null")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=tmp_path, env=environment, check=True)
    after = {each.name: (each.read_text(), each.stat().st_mtime_ns) for each in (tmp_path / "secrets").iterdir()}
    assert after.keys() == listed
    assert {name: after[name] for name in before} == before
    assert {after[name][0] for name in newer} == {""}


@needs_compose
def test_who_may_erase_in_the_console_has_the_keys_for_it() -> None:
    targets = {Path(each["target"]).name for each in services()["console"]["secrets"]}
    assert {"NOTIFIER_CONSOLE_ERASURE_URL", "NOTIFIER_ERASURE_KEYS"} <= targets


def program(text: str) -> str:
    """A shell program as Compose hands it over."""
    return text.replace("$$", "$")


@needs_compose
def test_the_files_of_secrets_become_variables_of_the_process(tmp_path: Path) -> None:
    shell, option, source, name = services()["bridge"]["entrypoint"]
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "NOTIFIER_DATABASE_URL").write_text("postgresql://a:b c$d@host/x?sslmode=verify-full\n")
    (secrets / "users").write_text("no variable")
    stub = tmp_path / "notifier"
    stub.write_text('#!/bin/sh\necho "$@"\nenv\n')
    stub.chmod(0o755)
    done = subprocess.run(
        [shell, option, program(source).replace("/run/secrets", str(secrets)), name, "worker", "email"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "worker email"
    assert "NOTIFIER_DATABASE_URL=postgresql://a:b c$d@host/x?sslmode=verify-full" in lines
    assert not any(line.startswith("users=") for line in lines)


@needs_compose
def test_a_dump_that_fails_replaces_none(tmp_path: Path) -> None:
    source = program(services()["backup"]["entrypoint"][2])
    (tmp_path / "owner-database-url").write_text("postgresql://owner:p%40ss:1@host/x?sslmode=verify-full\n")
    for name, lines in {
        "pg_dump": 'echo "$@" > "$HOME/asked"\necho "$PGPASSWORD" > "$HOME/given"\nexit ${FAILS:-0}',
        "sleep": "kill $PPID",
        "mv": 'echo "$2" > "$HOME/kept"',
        "find": "true",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{lines}\n")
        (tmp_path / name).chmod(0o755)
    source = source.replace("/run/secrets", str(tmp_path))
    for fails in ("1", "0"):
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "FAILS": fails}
        subprocess.run(["bash", "-c", source], env=environment, capture_output=True, check=False)
        assert "postgresql://owner@host/x?sslmode=verify-full" in (tmp_path / "asked").read_text()
        assert (tmp_path / "given").read_text() == "p@ss:1\n"  # not among the arguments, which everybody sees
        assert (tmp_path / "asked").stat().st_mode & 0o077 == 0
        assert (tmp_path / "kept").exists() == (fails == "0")
    assert (tmp_path / "kept").read_text().strip().endswith(".dump")


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool, of Debian's package prometheus")
def test_prometheus_takes_its_configuration_and_watches_every_process(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "prometheus.yml", tmp_path)
    shutil.copy(ROOT / "deploy" / "prometheus" / "alarms.yml", tmp_path)
    checked = subprocess.run(
        [str(PROMTOOL), "check", "config", "prometheus.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    watched = set(re.findall(r"^ {10}- ([\w-]+)$", (FOLDER / "prometheus.yml").read_text(), re.MULTILINE))
    assert watched == {"bridge", "feedback", "status-sender", *(f"worker-{name}" for name in channel_names())}
