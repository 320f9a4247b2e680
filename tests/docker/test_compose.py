"""What docker-compose.yml, .env.example and Dockerfile promise. Read from the files: no engine is needed."""

import os
import re
import shutil
import subprocess
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from notifier.broker.configuration import celery_configuration
from notifier.channels import channel_names
from notifier.outbox.roles import ROLES
from notifier.settings import ConsoleSettings, DatabaseSettings, PreferencesSettings, RoleSettings, Settings
from workers.sending.sender import _FINISH_SECONDS

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SMOKE = (ROOT / "tests/docker/test_smoke.py").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OWN = {name: service for name, service in SERVICES.items() if service["image"] == "notifier"}
WORKERS = sorted(name for name in SERVICES if name.startswith("worker-"))
ONE_SHOTS = {"migrate", "operator", "table"}
SERVERS = SERVICES.keys() - ONE_SHOTS
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[?-])(?P<rest>(?:[^{}]|\$\{\w+:-})*))?}")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|AUTH|KEY")


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def variables() -> Iterator[re.Match[str]]:
    return VARIABLE.finditer(COMPOSE)


def settings() -> Iterator[tuple[str, str, str]]:
    for service, content in SERVICES.items():
        for name, value in content.get("environment", {}).items():
            yield service, name, str(value)


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_a_server_comes_back_after_a_crash(name: str):
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(SERVERS - {"producer"}))  # nothing waits for the producer of sample events
def test_a_server_says_whether_it_is_healthy(name: str):
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()
    assert not re.search(r"\b(curl|wget)\b", str(check["test"])), "the image has neither"


@pytest.mark.parametrize("name", sorted(OWN.keys() - ONE_SHOTS))
def test_a_process_gets_as_long_to_end_as_it_may_need(name: str):
    needed = celery_configuration("redis://unused")["worker_soft_shutdown_timeout"] + _FINISH_SECONDS
    assert int(OWN[name]["stop_grace_period"].removesuffix("s")) > needed


@pytest.mark.parametrize("name", sorted(ONE_SHOTS))
def test_a_one_shot_runs_once(name: str):
    assert SERVICES[name]["restart"] == "no"


def test_each_waits_until_what_it_needs_is_ready():
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            done = needed in ONE_SHOTS
            assert how["condition"] == ("service_completed_successfully" if done else "service_healthy")


def test_what_runs_on_aws_starts_without_the_stand_ins():
    stand_ins = {name for name, service in SERVICES.items() if service.get("profiles") == ["local"]}
    assert stand_ins == {"ministack", "ses", "table", "producer"}
    for name in SERVICES.keys() - stand_ins:
        for needed, how in SERVICES[name].get("depends_on", {}).items():
            assert (how.get("required", True) is False) == (needed in stand_ins)


def test_what_people_open_is_published_and_only_to_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "console": ["127.0.0.1:${CONSOLE_HOST_PORT:-8026}:8026"],
        "flower": ["127.0.0.1:${FLOWER_HOST_PORT:-5555}:5555"],
        "preferences": ["127.0.0.1:${PREFERENCES_HOST_PORT:-8027}:8027"],
        "ses": ["127.0.0.1:${INBOX_HOST_PORT:-8025}:8025"],
    }
    assert not any("network_mode" in service for service in SERVICES.values())


def test_what_the_internet_reaches_has_only_the_secrets_that_it_needs():
    own = {f"NOTIFIER_{name.upper()}" for name in PreferencesSettings.model_fields}
    found = {name for name in SERVICES["preferences"]["environment"] if SECRET.search(name) or name.endswith("_URL")}
    urls = {name for name in found if name.endswith("ENDPOINT_URL")}
    assert found - urls <= own
    assert "AWS_SECRET_ACCESS_KEY" in SERVICES["bridge"]["environment"]


@pytest.mark.parametrize("name", ["bridge", "feedback", *WORKERS])
def test_there_may_be_many_of_it(name: str):
    assert not {"container_name", "hostname", "ports"} & SERVICES[name].keys()


@pytest.mark.parametrize("name", sorted(OWN))
def test_our_containers_have_no_rights_that_they_do_not_need(name: str):
    service = OWN[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["init"] is True
    assert not {"privileged", "cap_add", "user"} & service.keys()


def test_our_image_runs_as_an_ordinary_user():
    assert re.findall(r"^USER (\d+)", DOCKERFILE, re.MULTILINE)[-1] != "0"


def test_logs_do_not_fill_the_disk():
    assert all(service["logging"]["options"].keys() == {"max-size", "max-file"} for service in SERVICES.values())


def test_images_are_pinned_to_a_version():
    images = {service["image"] for service in SERVICES.values()} - {"notifier"}
    images |= set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert images == {"postgres:17.11", "redis:8.8.3", "python:3.13.16-slim-trixie"}
    assert all(re.search(r":\d+\.\d+(\.\d+)?($|[-@])", each) for each in images), "a tag that moves"
    assert {image for image in re.findall(r'image="([^"]+)"', SMOKE) if image != "{notifier_image.id}"} <= images


def test_one_service_builds_the_image_for_all():
    assert [name for name, service in SERVICES.items() if "build" in service] == ["migrate"]


def test_the_example_names_every_variable_that_compose_reads():
    missing = {each["name"] for each in variables() if each["name"] not in example()}
    assert missing == set()


def test_compose_reads_every_variable_that_the_example_names():
    used = {each["name"] for each in variables()} | {"COMPOSE_PROFILES"}
    assert example().keys() - used == set()


def test_what_must_be_set_is_set_in_the_example_and_says_where_to_look():
    for each in variables():
        assert each["kind"], f"{each['name']} has neither a default nor a message"
        if each["kind"] == "?":
            assert example()[each["name"]]
            assert ".env.example" in each["rest"]


@pytest.mark.parametrize("name", WORKERS)
def test_each_channel_has_a_pool_of_its_own_and_only_that_of_email_runs_unasked(name: str):
    channel = name.removeprefix("worker-")
    assert SERVICES[name]["command"] == ["worker", channel]
    assert SERVICES[name].get("profiles", []) == ([] if channel == "email" else [channel])


def test_every_channel_of_ours_can_be_asked_for():
    assert sorted(f"worker-{name}" for name in channel_names()) == WORKERS


@pytest.mark.parametrize("name", ["bridge", "feedback", *WORKERS])
def test_no_setting_in_the_env_file_is_ignored(name: str):
    known = {f"NOTIFIER_{field.upper()}" for field in Settings.model_fields}
    assert known - SERVICES[name]["environment"].keys() == set(), "add it to x-options in docker-compose.yml"


@pytest.mark.parametrize(
    ("name", "settings_", "own"),
    [
        ("operator", DatabaseSettings, {"NOTIFIER_ACTOR"}),
        ("migrate", RoleSettings, set()),
        ("console", ConsoleSettings, {"NOTIFIER_ROUTES", "NOTIFIER_TEMPLATES"}),
        ("flower", BaseSettings, {"NOTIFIER_VISIBILITY_SECONDS", "NOTIFIER_TRANSPORT", "NOTIFIER_LOG_LEVEL"}),
    ],
)
def test_nor_one_that_another_service_needs(name: str, settings_: type[BaseSettings], own: set[str]):
    needed = {f"NOTIFIER_{field.upper()}" for field in settings_.model_fields} | own
    assert needed - SERVICES[name]["environment"].keys() == set()


PORTS = {"console": "NOTIFIER_CONSOLE_PORT", "preferences": "NOTIFIER_PREFERENCES_PORT"}
FIXED = {"NOTIFIER_DATABASE_URL", "NOTIFIER_BROKER_URL", *PORTS.values()}
"""The URLs are made of the passwords in .env, and ports are those that are published: it says so."""


@pytest.mark.parametrize("name", PORTS)
def test_a_port_in_the_env_file_does_not_leave_the_published_one_without_a_listener(name: str):
    (published,) = SERVICES[name]["ports"]
    assert published.rpartition(":")[2] == str(SERVICES[name]["environment"][PORTS[name]])


@pytest.mark.parametrize("name", sorted(OWN))
def test_no_setting_has_a_value_that_the_env_file_cannot_change(name: str):
    environment = SERVICES[name].get("environment", {})
    values = {name: value for name, value in environment.items() if name.startswith("NOTIFIER_")}
    fixed = {name for name, value in values.items() if value is not None and not VARIABLE.fullmatch(str(value))}
    assert fixed <= FIXED
    assert all(
        VARIABLE.fullmatch(str(values[each]))["name"] == each for each in values.keys() - fixed if values[each]
    )
    assert all(each in (ROOT / ".env.example").read_text() for each in FIXED)


def test_the_override_of_the_head_reaches_each_service_that_loads_the_routes():
    head = COMPOSE.partition("\nname:")[0]
    lines = [line.removeprefix("#").removeprefix(" ") for line in head.splitlines() if line.startswith("#   ")]
    override = yaml.safe_load("\n".join(lines))["services"]
    assert override.keys() == {"bridge", "console", "operator", *WORKERS}
    assert all("./my_routes:/app/my_routes:ro" in each["volumes"] for each in override.values())
    (volume,) = override["bridge"]["volumes"]
    assert volume.split(":")[1] == "/app/my_routes"
    (shown,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/tutorial.md").read_text(), re.DOTALL)
    of_tutorial = yaml.safe_load(shown)["services"]
    assert of_tutorial == {name: override[name] for name in ("bridge", "console", "operator", "worker-email")}


@pytest.mark.parametrize("prefix", ["", "flower", "/flower/", "a/b"])
def test_flower_is_healthy_under_a_prefix_too(prefix: str, monkeypatch: pytest.MonkeyPatch):
    assert SERVICES["flower"]["environment"]["FLOWER_URL_PREFIX"] == "${FLOWER_URL_PREFIX:-}"
    asked: list[str] = []
    monkeypatch.setattr(urllib.request, "urlopen", asked.append)
    monkeypatch.setenv("FLOWER_URL_PREFIX", prefix)
    exec(SERVICES["flower"]["healthcheck"]["test"][3], {})
    plain = prefix.strip("/")
    assert asked == [f"http://127.0.0.1:5555/{plain}/healthcheck".replace("5555//", "5555/")]


def test_a_channel_whose_profile_is_asked_for_starts_with_the_example():
    assert example()["NOTIFIER_WEBHOOK_SECRET"].startswith("whsec_")


def test_the_operator_keeps_as_many_days_as_the_bridges_do():
    """Else `retain` would use the default, and delete what the bridges were told to keep."""
    passed_on = {f"NOTIFIER_{field.upper()}" for field in DatabaseSettings.model_fields}
    assert passed_on - SERVICES["operator"]["environment"].keys() == set()
    assert (
        SERVICES["operator"]["environment"]["NOTIFIER_KEEP_DAYS"] is None
    )  # as .env says, and unset where it is not


def test_no_secret_stands_in_the_compose_file():
    for service, name, value in settings():
        if SECRET.search(name):
            assert VARIABLE.fullmatch(value), f"{service}: {name}"
    assert not re.findall(r"://[^/@\s]*:[^/@\s]+@|--requirepass +\w+", VARIABLE.sub("", COMPOSE))


def test_flower_asks_for_a_password_and_knows_that_of_the_broker_only():
    environment = SERVICES["flower"]["environment"]
    assert environment["FLOWER_BASIC_AUTH"].startswith("${FLOWER_BASIC_AUTH:?")
    assert "POSTGRES_PASSWORD" not in str(environment)
    assert not any(name.startswith("AWS_") for name in environment)


@pytest.mark.parametrize("name", ["bridge", "console", "feedback", "operator", *WORKERS])
def test_each_process_logs_in_to_postgres_as_itself(name: str):
    role = name.partition("-")[0]
    url = SERVICES[name]["environment"]["NOTIFIER_DATABASE_URL"]
    assert url.startswith(f"postgresql://notifier_{role}:${{NOTIFIER_{role.upper()}_PASSWORD:?")
    assert f"notifier_{role}" in ROLES
    assert f"NOTIFIER_{role.upper()}_PASSWORD" in SERVICES["migrate"]["environment"]


def test_the_sender_of_status_updates_runs_where_it_is_asked_for_and_has_a_login_of_its_own():
    service = SERVICES["status-sender"]
    assert (service["profiles"], service["command"]) == (["status"], ["status-sender"])
    url = service["environment"]["NOTIFIER_DATABASE_URL"]
    assert url.startswith("postgresql://notifier_status_sender:${NOTIFIER_STATUS_SENDER_PASSWORD:-}@")
    assert "notifier_status_sender" in ROLES


def test_the_pages_of_recipients_run_where_they_are_asked_for_and_have_a_login_of_their_own():
    service = SERVICES["preferences"]
    assert (service["profiles"], service["command"]) == (["preferences"], ["preferences"])
    url = service["environment"]["NOTIFIER_DATABASE_URL"]
    assert url.startswith("postgresql://notifier_preferences:${NOTIFIER_PREFERENCES_PASSWORD:-}@")
    assert "notifier_preferences" in ROLES
    needed = {f"NOTIFIER_{field.upper()}" for field in PreferencesSettings.model_fields}
    assert needed - service["environment"].keys() == set()


def test_only_the_migration_has_the_login_of_the_owner():
    know = {name for name, content in SERVICES.items() if "POSTGRES_PASSWORD" in str(content)}
    assert know == {"postgres", "migrate"}
    assert SERVICES["migrate"]["command"] == ["migrate", "--roles"]
    with_login = {"bridge", "console", "feedback", "preferences", "status-sender", "operator", *WORKERS}
    without = SERVICES.keys() - {"postgres", "migrate", *with_login}
    assert not any("PASSWORD" in SERVICES[name]["environment"].get("NOTIFIER_DATABASE_URL", "") for name in without)


def test_the_broker_keeps_messages_and_never_evicts_one():
    command = SERVICES["redis"]["command"]
    for option in ("--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction", "--requirepass $"):
        assert option in command


def test_the_builder_gets_all_that_the_wheel_is_made_of():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], *project["project"]["license-files"]}
    needed |= {project["project"]["readme"], "pyproject.toml", "requirements-image.lock"}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == needed


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the compose file, as after a clone; skips where there is no Compose."""
    if not shutil.which("docker") or compose(tmp_path, "version").returncode:
        pytest.skip("no `docker compose` here; its own check of the file needs the program, though no engine")
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    return tmp_path


def compose(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    command = ["docker", "compose", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_compose_accepts_the_file_with_the_example_as_it_is(project: Path):
    shutil.copy(ROOT / ".env.example", project / ".env")
    checked = compose(project, "config", "--services")
    assert checked.returncode == 0, checked.stderr
    asked_for = {"local", None}
    assert set(checked.stdout.split()) == {
        name for name, service in SERVICES.items() if asked_for & set(service.get("profiles", [None]))
    }


def test_a_user_without_env_file_is_told_to_copy_the_example(project: Path):
    refused = compose(project, "config", "--quiet")
    assert refused.returncode != 0
    assert "cp .env.example .env" in refused.stderr
