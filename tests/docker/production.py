"""deploy/compose/production.yml with the servers that it expects elsewhere, as a person sets it up by the page.

The commands come from the pages themselves: `Production.run` takes a block of a page. Postgres and Redis take
connections by TLS only; they and the stand-ins for AWS are containers of another project.
"""

import re
import secrets
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from notifier.errors import Unreachable
from notifier.settings import Settings
from sandbox.events_queue import create_events_queue
from sandbox.system import CREDENTIALS, TABLE, local_session
from sandbox.table import EventTable
from tests.docker.stack import IMAGE, ROOT, Stack, build_image, environment

FILES = ROOT / "deploy" / "compose"
OWNER_PASSWORD = "a:b/c@d%e"
REDIS_PASSWORD = "local"
QUEUE = "http://ministack:4566/000000000000/ses-events"
ARCHIVE = "http://ministack:4566/000000000000/ses-events-archive"

_HBA = "local all all trust\nhostssl all all all scram-sha-256\n"
_SERVERS = """
services:
  postgres:
    image: postgres:17.11
    entrypoint:
      - sh
      - -c
      - install -o postgres -m 600 /tls/key.pem /run/key.pem && exec docker-entrypoint.sh postgres -c ssl=on
        -c ssl_cert_file=/tls/certificate.pem -c ssl_key_file=/run/key.pem -c hba_file=/tls/pg_hba.conf
    environment: {{POSTGRES_USER: owner, POSTGRES_PASSWORD: "{owner}", POSTGRES_DB: notifier, LANG: C.UTF-8}}
    volumes: ["{folder}/tls:/tls:ro", "postgres:/var/lib/postgresql/data"]
    ports: ["127.0.0.1::5432"]
    healthcheck: {{test: [CMD, pg_isready, --quiet, --host=127.0.0.1], interval: 2s, start_period: 60s}}
  redis:
    image: redis:8.8.3
    command: redis-server --port 0 --tls-port 6379 --tls-cert-file /tls/certificate.pem --tls-key-file /tls/key.pem
      --tls-ca-cert-file /tls/certificate.pem --tls-auth-clients no --requirepass {redis}
      --maxmemory-policy noeviction
    volumes: ["{folder}/tls:/tls:ro"]
  ministack:
    image: {image}
    entrypoint: [python, -P, -m, ministack]
    environment: {{BIND_HOST: 0.0.0.0, MINISTACK_HOST: ministack, SERVICES: "dynamodb,dynamodbstreams,s3,sqs,sns",
      LOG_LEVEL: WARNING}}
    tmpfs: [/tmp]
    ports: ["127.0.0.1::4566"]
    healthcheck:
      test: [CMD, python, -c, "from urllib.request import urlopen; urlopen('http://127.0.0.1:4566/_ministack/health')"]
      interval: 2s
  ses:
    image: {image}
    entrypoint: [python, -P, -m, simulators.ses]
    command: [--host=0.0.0.0, --port=8025, --journal=/data/accepted.jsonl, "--queue-url={queue}",
      "--archive-url={archive}"]
    ports: ["127.0.0.1::8025"]
    healthcheck:
      test: [CMD, python, -c, "from urllib.request import urlopen; urlopen('http://127.0.0.1:8025/_sim/health')"]
      interval: 2s
volumes:
  postgres:
"""
_PRODUCTION = """
networks: {{default: {{name: "{network}", external: true}}}}
services:
  console: {{ports: !override ["127.0.0.1::8026"]}}
  flower: {{ports: !override ["127.0.0.1::5555"]}}
"""
_SETTINGS = {
    "NOTIFIER_ROUTES": "examples.notifications",
    "NOTIFIER_FEEDBACK_QUEUE_URL": QUEUE,
    "NOTIFIER_AWS_ENDPOINT_URL": "http://ministack:4566",
    "NOTIFIER_AWS_SES_ENDPOINT_URL": "http://ses:8025",
    **CREDENTIALS,
}


class Production:
    """The folder `deploy/compose` of somebody who has followed the page, and the servers."""

    def __init__(self, folder: Path, name: str, servers: Stack) -> None:
        self.folder = folder
        self.servers = servers
        self.name = name

    def settings(self) -> Settings:
        """Return the settings of a process outside the containers."""
        return Settings(
            database_url="postgresql://unused",
            broker_url="redis://unused",
            aws_endpoint_url=f"http://{self.servers.address('ministack')}",
            feedback_queue_url=QUEUE,
            aws_region="eu-west-1",
        )

    def database_url(self) -> str:
        """Return the URL of the owner's login, from outside the containers."""
        return f"postgresql://owner:{_quoted(OWNER_PASSWORD)}@{self.servers.address('postgres')}/notifier?sslmode=require"

    def shell(self, commands: str, **variables: str) -> str:
        """Run commands of a page in the folder, with `compose` defined as the page says. Return what they print.
        Raise Unreachable if one fails.

        Two things differ from what a person types: one more file says where the servers of the test are, and the
        project has a name of its own.
        """
        alias = 'compose() { docker compose -f production.yml --env-file images.env "$@"; }\n'
        script = (alias + commands).replace("-f production.yml", "-f production.yml -f test.yml")
        given = {**environment(), "COMPOSE_PROJECT_NAME": self.name, **variables}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if done.returncode:
            raise Unreachable(f"exit code {done.returncode} of\n{commands}\n{done.stdout}\n{done.stderr[-3_000:]}")
        return done.stdout

    def compose(self, *words: str) -> str:
        """Run `docker compose WORDS` with the files of the page."""
        return self.shell(f"compose {shlex.join(words)}")

    def journal(self) -> list[dict[str, Any]]:
        """Return the mails that the simulator of SES accepted."""
        return self.servers.journal()

    def secrets(self) -> list[str]:
        """Return the values of the files of secrets, without those that are empty."""
        values = (each.read_text().strip() for each in (self.folder / "secrets").iterdir())
        return [each for each in values if each]


def blocks(page: str) -> list[str]:
    """Return the commands of each block for the shell of a page, each as a script."""
    text = (ROOT / page).read_text()
    found = re.findall(r"^ *```console\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return ["\n".join(re.sub(r"^ *(\$ |> ?)?", "", line) for line in each.splitlines()) for each in found]


def block(page: str, part: str) -> str:
    """Return the one block of a page that contains this text."""
    (found,) = [each for each in blocks(page) if part in each]
    return found


def set_up(system: Production) -> None:
    """Do what docs/deploy-compose.md says, from the copies of the examples until all processes are healthy."""
    page = "docs/deploy-compose.md"
    system.shell(block(page, "cp production.env.example").replace("cd deploy/compose\n", "").partition("alias")[0])
    settings = system.folder / "production.env"
    settings.write_text(settings.read_text() + "".join(f"{name}={value}\n" for name, value in _SETTINGS.items()))
    images = {"NOTIFIER_IMAGE": IMAGE, "POSTGRES_IMAGE": "postgres:17.11", "PROMETHEUS_IMAGE": "unused"}
    (system.folder / "images.env").write_text("".join(f"{name}={value}\n" for name, value in images.items()))
    for name in ("postgres", "redis"):
        certificate = system.folder.parents[1] / "tls" / "certificate.pem"
        shutil.copy(certificate, system.folder / "authorities" / f"{name}.pem")
    system.shell(block(page, "openssl rand").replace("DATABASE:5432", "postgres:5432"))
    owner = f"postgresql://owner:{_quoted(OWNER_PASSWORD)}@postgres:5432/notifier"
    verified = "sslmode=verify-full&sslrootcert=/etc/notifier/authorities/postgres.pem"
    broker = f"rediss://:{REDIS_PASSWORD}@redis:6379/0?ssl_ca_certs=/etc/notifier/authorities/redis.pem"
    (system.folder / "secrets" / "owner-database-url").write_text(f"{owner}?{verified}\n")
    (system.folder / "secrets" / "broker-url").write_text(f"{broker}\n")
    start = block(page, "chown").replace("sudo ", "")
    system.shell(start.replace("up -d", "up -d --wait --wait-timeout 300"))


@contextmanager
def production(folder: Path) -> Iterator[Production]:
    """The servers, and a folder as the page has it made; no process of ours is started yet."""
    name = f"notifier-production-{secrets.token_hex(3)}"
    build_image()
    files = _files(folder, name)
    servers = Stack(f"{name}-servers", [folder / "servers.yml"], files / "images.env.example")
    found = Production(files, name, servers)
    with ExitStack() as ending:
        ending.callback(servers.compose, "down", "--volumes", "--timeout", "5")
        servers.compose("up", "--detach")
        servers.wait_until_healthy()
        ending.callback(found.shell, "compose --profile '*' down --volumes --timeout 30")
        settings = found.settings()
        for url in (QUEUE, ARCHIVE):
            create_events_queue(settings.model_copy(update={"feedback_queue_url": url}), local_session(settings))
        EventTable(settings, TABLE, local_session(settings)).create()
        yield found


def _files(folder: Path, name: str) -> Path:
    """Write the files of both projects; return the folder of production."""
    _certificate(folder / "tls")
    (folder / "tls" / "pg_hba.conf").write_text(_HBA)
    values = {"folder": folder, "image": IMAGE, "queue": QUEUE, "archive": ARCHIVE}
    (folder / "servers.yml").write_text(_SERVERS.format(owner=OWNER_PASSWORD, redis=REDIS_PASSWORD, **values))
    files = folder / "deploy" / "compose"
    shutil.copytree(FILES, files)
    shutil.copytree(FILES.parent / "prometheus", folder / "deploy" / "prometheus")
    (files / "test.yml").write_text(_PRODUCTION.format(network=f"{name}-servers_default"))
    return files


def _certificate(folder: Path) -> None:
    """Make a certificate of both servers, which is its own authority."""
    folder.mkdir()
    words = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=postgres -addext subjectAltName=DNS:postgres,DNS:redis"
    )
    command = ["openssl", *words.split(), "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "key.pem").chmod(0o644)  # the login of the server in the container has another number


def _quoted(password: str) -> str:
    return "".join(each if each.isalnum() else f"%{ord(each):02X}" for each in password)
