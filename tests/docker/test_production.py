"""deploy/compose/production.yml runs, set up by the commands of docs/deploy-compose.md: TLS, secrets as files."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.request import urlopen

import orjson
import psycopg
import pytest

from examples.activity import sample_items
from sandbox.demo.reconciliation import reconcile
from sandbox.system import TABLE, local_session
from sandbox.table import EventTable
from tests.docker.production import Production, production, set_up
from tests.docker.stack import docker, reason_to_skip
from tests.waiting import wait_until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1_200)]

EVENTS = 40
REFUSED = "SELECT has_function_privilege('notifier_preferences', 'drop_day(date)', 'EXECUTE')"
_SESSIONS = "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename LIKE 'notifier%'"
WITHOUT_TLS = f"SELECT count(*) {_SESSIONS} AND NOT ssl"
LOGINS = f"SELECT DISTINCT usename {_SESSIONS} AND ssl"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Production]:
    if reason := reason_to_skip():
        pytest.skip(reason)
    if os.geteuid() != 0:
        pytest.skip("production.yml was not tried: root alone may give the files of secrets to another user")
    with production(tmp_path) as made:
        yield made


def test_it_sends_by_tls_with_a_login_and_secrets_of_its_own_for_each_process(system: Production) -> None:
    set_up(system)
    settings = system.settings()
    table = EventTable(settings, TABLE, local_session(settings))
    written = [each["to"] for each in table.write(islice(sample_items(EVENTS), EVENTS))]
    wait_until(lambda: len(system.journal()) >= EVENTS, seconds=120)
    assert reconcile(written, (line["to"] for line in system.journal())).exact
    with psycopg.connect(system.database_url()) as connection:
        assert connection.execute(WITHOUT_TLS).fetchone() == (0,)
        logins = {row[0] for row in connection.execute(LOGINS)}
        assert {"notifier_bridge", "notifier_feedback", "notifier_worker"} <= logins
        assert connection.execute(REFUSED).fetchone() == (False,)
    audited = orjson.loads(system.compose("run", "--rm", "--no-TTY", "operator", "audit", "--json").splitlines()[-1])
    assert audited["balanced"] is True
    address = system.compose("port", "console", "8026").strip()
    with urlopen(f"http://{address}/readyz", timeout=30) as answer:
        assert answer.status == 200
    for container in system.compose("ps", "--quiet").split():
        shown = docker("inspect", container)
        assert not any(secret in shown for secret in system.secrets()), "`docker inspect` shows a secret"
    code = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={system.name}")
    system.compose("stop")
    exits = {docker("inspect", "--format", "{{.Name}} {{.State.ExitCode}}", each).strip() for each in code.split()}
    assert all(each.endswith(" 0") for each in exits), exits
