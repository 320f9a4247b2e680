"""docker-compose.yml as a project of its own: its own names, ports and image, and nothing left behind."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson
import yaml

from notifier.errors import Unreachable
from notifier.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
IMAGE = "notifier:compose-test"
PORTS = {"ministack": 4566, "ses": 8025, "console": 8026, "flower": 5555, "preferences": 8027, "postgres": 5432}
"""Published on a free port of 127.0.0.1 each, so that a system that somebody has started does not matter."""


class Stack:
    """A project of Compose. `files` and `env_file` are those of its commands."""

    def __init__(self, name: str, files: Sequence[Path], env_file: Path) -> None:
        self.name = name
        self.options = [
            *("--project-name", name, "--env-file", str(env_file)),
            *(word for each in files for word in ("-f", str(each))),
        ]

    def compose(self, *words: str, seconds: float = 600) -> str:
        """Run `docker compose WORDS`; return what it prints. Raise Unreachable if it fails."""
        return docker("compose", *self.options, *words, seconds=seconds)

    def wait_until_healthy(self, seconds: float = 300) -> None:
        """Wait until each container is healthy, runs without a check, or has ended with 0. Raise Unreachable.

        `up --wait` gives up at the first unhealthy one, which on a busy machine may only mean that it is slow.
        """
        end = time.monotonic() + seconds
        while waiting := [each for each in self._containers() if not _is_fine(each)]:
            if time.monotonic() > end:
                raise Unreachable(f"not healthy within {seconds:g} s: {', '.join(each['Name'] for each in waiting)}")
            time.sleep(1.0)

    def _containers(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.compose("ps", "--all", "--format", "json").splitlines()]

    def address(self, service: str) -> str:
        """Return the host and port at which the port of this service is published."""
        return self.compose("port", service, str(PORTS[service])).strip()

    def get(self, service: str, path: str) -> Any:
        """Return the JSON that the service answers."""
        with urlopen(f"http://{self.address(service)}{path}", timeout=30) as answer:
            return orjson.loads(answer.read())

    def settings(self) -> Settings:
        """Return the settings of a process outside the containers."""
        return Settings(
            database_url=self.database_url(),
            broker_url="redis://unused",
            aws_dynamodb_endpoint_url=f"http://{self.address('ministack')}",
            aws_region="eu-west-1",
        )

    def database_url(self) -> str:
        """Return the URL with the login that owns the tables."""
        return f"postgresql://notifier:local@{self.address('postgres')}/notifier"

    def journal(self) -> list[dict[str, Any]]:
        """Return the mails that the simulator of SES accepted."""
        lines = self.compose("exec", "-T", "ses", "cat", "/data/accepted.jsonl").splitlines()
        return [orjson.loads(each) for each in lines]


@contextmanager
def local_stack(name: str, folder: Path, scale: Sequence[str] = (), *, own_ports: bool = True) -> Iterator[Stack]:
    """The stack of docker-compose.yml with the profile `local` and .env.example, without the producer. Its volumes
    and networks are removed in the end. Without `own_ports` it has the ports of the file.
    """
    override = folder / "override.yml"
    override.write_text(overrides(own_ports=own_ports))
    stack = Stack(name, [COMPOSE, override], ROOT / ".env.example")
    build_image()
    scales = [word for each in ("producer=0", *scale) for word in ("--scale", each)]
    try:
        stack.compose("up", "--detach", *scales)
        stack.wait_until_healthy()
        yield stack
    finally:
        stack.compose("kill")
        stack.compose("--profile", "*", "down", "--volumes", "--remove-orphans")


def _is_fine(container: dict[str, Any]) -> bool:
    if container["State"] == "exited":
        return bool(container["ExitCode"] == 0)
    return container["State"] == "running" and container["Health"] in {"", "healthy"}


def build_image() -> None:
    """Build our image, as the tests call it. The first time takes some minutes."""
    docker("build", "--quiet", "--tag", IMAGE, str(ROOT), seconds=1_800)


def overrides(*, own_ports: bool) -> str:
    """Return what differs from docker-compose.yml."""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    lines = ["services:"]
    for name, service in services.items():
        lines.append(f"  {name}:")
        lines.append(f"    image: {IMAGE if service['image'] == 'notifier' else service['image']}")
        if own_ports and name in PORTS:
            lines.append(f'    ports: !override ["127.0.0.1::{PORTS[name]}"]')
    return "\n".join(lines) + "\n"


def docker(*words: str, seconds: float = 600) -> str:
    """Run `docker WORDS`; return what it prints. Raise Unreachable, with the end of what it says, if it fails."""
    done = subprocess.run(
        ["docker", *words], env=environment(), capture_output=True, text=True, check=False, timeout=seconds
    )
    if done.returncode:
        raise Unreachable(f"docker {words[0]} ... {words[-1]} failed: {(done.stderr or done.stdout)[-2_000:]}")
    return done.stdout


def environment() -> dict[str, str]:
    """Return the environment of Docker's commands: no variable of the shell may replace one of the env file."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}


def reason_to_skip() -> str:
    """Return why nothing can be tried in containers; empty if it can."""
    checks: Sequence[tuple[Callable[[], str], str]] = (
        (lambda: docker("version", "--format", "{{.Server.Version}}", seconds=30), "no Docker engine answers"),
        (lambda: docker("compose", "version", seconds=30), "there is no `docker compose`"),
    )
    for check, reason in checks:
        try:
            check()
        except (OSError, Unreachable, subprocess.TimeoutExpired):
            return f"nothing was tried in containers: {reason}"
    return ""
