"""The manifests of deploy/kubernetes, as `kubectl kustomize` renders them, against the schemas of Kubernetes, the
settings, roles and stop times of the code, and the queries on a real database. No cluster is needed.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from sqlalchemy import Engine, text

from notifier.broker.configuration import celery_configuration
from notifier.channels import channel_names
from notifier.database.engine import connect
from notifier.outbox.roles import ROLES, grant_roles
from notifier.settings import ConsoleSettings, PreferencesSettings, RoleSettings, Settings
from tests.outbox.rows import Rows
from workers.building.attachments import AttachmentReader
from workers.sending.sender import _FINISH_SECONDS

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
PAGE = FOLDER.parents[1] / "docs" / "deploy-kubernetes.md"
OVERLAYS = ("production", "small")
VERSION = "1.32.0"
KUBECTL = shutil.which("kubectl")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|AUTH|KEY|URL")
OPEN_URLS = {"NOTIFIER_FEEDBACK_QUEUE_URL", "NOTIFIER_CONSOLE_URL"}
KNOWN = {
    f"NOTIFIER_{field.upper()}"
    for settings in (Settings, ConsoleSettings, PreferencesSettings, RoleSettings)
    for field in settings.model_fields
}

Object = dict[str, Any]


def kustomize_version() -> tuple[int, ...]:
    """Of `kubectl kustomize`; (0,) without kubectl."""
    if KUBECTL is None:
        return (0,)
    shown = subprocess.run([KUBECTL, "version", "--client"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"Kustomize Version: v([\d.]+)", shown)
    return tuple(map(int, found[1].split("."))) if found else (0,)


NEEDS_KUBECTL = pytest.mark.skipif(
    kustomize_version() < (4, 5), reason="needs kubectl 1.24 or newer, of Debian's package kubernetes-client"
)
pytestmark = NEEDS_KUBECTL


@cache
def rendered(overlay: str) -> list[Object]:
    return kustomized(FOLDER / "overlays" / overlay)


def kustomized(folder: Path) -> list[Object]:
    assert KUBECTL
    command = [KUBECTL, "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, *kinds: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in rendered(overlay) if each["kind"] in kinds}


def pods(overlay: str) -> dict[str, Object]:
    """The pod templates of Deployments and Jobs, by name."""
    return {name: each["spec"]["template"] for name, each in of_kind(overlay, "Deployment", "Job").items()}


def container(pod: Object) -> Object:
    (found,) = pod["spec"]["containers"]
    return dict(found)


def environment(pod: Object) -> dict[str, Object]:
    return {each["name"]: each for each in container(pod)["env"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_object_is_one_of_kubernetes(overlay: str) -> None:
    own = [each for each in rendered(overlay) if not each["apiVersion"].startswith("keda.sh/")]
    assert len(own) > 10
    for each in own:
        kubernetes_validate.validate(each, VERSION, strict=True)
    assert {each["metadata"].get("namespace") for each in own if each["kind"] != "Namespace"} == {"notifier"}


def test_a_mistake_in_a_manifest_is_found() -> None:
    wrong = json.loads(json.dumps(of_kind("small", "Deployment")["bridge"]))
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 60
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_every_process_and_channel_has_a_deployment() -> None:
    processes = {"bridge", "feedback", "console", "preferences", "status-sender", "flower"}
    assert set(of_kind("production", "Deployment")) == processes | {f"worker-{name}" for name in channel_names()}
    for name, pod in pods("production").items():
        process, _, channel = name.partition("-")
        words = {"worker": ["worker", channel], "migrate": ["migrate", "--roles"]}.get(process, [name])
        assert name == "flower" or container(pod)["args"] == words
    assert set(of_kind("small", "Deployment")) == {"bridge", "feedback", "worker-email", "console"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_pod_has_rights_that_it_does_not_need(overlay: str) -> None:
    for pod in pods(overlay).values():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert container(pod)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"name": "tmp", "mountPath": "/tmp"} in container(pod)["volumeMounts"]
        assert container(pod)["resources"]["limits"].keys() == {"memory"}  # a limit of CPU would only delay
        assert container(pod)["resources"]["requests"].keys() == {"cpu", "memory"}
        assert re.search(r"@sha256:[0-9a-f]{64}$", container(pod)["image"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_process_gets_as_long_to_end_as_it_may_need(overlay: str) -> None:
    needed = celery_configuration("redis://unused")["worker_soft_shutdown_timeout"] + _FINISH_SECONDS
    assert needed >= 45
    for pod in pods(overlay).values():
        assert pod["spec"]["terminationGracePeriodSeconds"] > needed


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_process_is_asked_whether_it_lives_and_whether_it_is_ready(overlay: str) -> None:
    for name in of_kind(overlay, "Deployment"):
        box = container(pods(overlay)[name])
        asked = [box[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")]
        port = {each["name"]: each["containerPort"] for each in box["ports"]}
        paths = ["/healthcheck"] * 3 if name == "flower" else ["/healthz", "/healthz", "/readyz"]
        assert [each["path"] for each in asked] == paths
        expected = {"console": 8026, "preferences": 8027, "flower": 5555}.get(name, 9108)
        assert {port[each["port"]] for each in asked} == {expected}
        values = environment(pods(overlay)[name])
        assert values["NOTIFIER_METRICS_PORT"]["value"] == "9108"
        assert values["NOTIFIER_METRICS_ADDRESS"]["value"] == "0.0.0.0"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_process_is_restarted_only_after_more_time_than_a_failover_takes(overlay: str) -> None:
    for name in of_kind(overlay, "Deployment").keys() - {"flower"}:
        probe = container(pods(overlay)[name])["livenessProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] == 150


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_named_and_nowhere_written(overlay: str) -> None:
    assert of_kind(overlay, "Secret") == {}
    for pod in pods(overlay).values():
        for name, each in environment(pod).items():
            if SECRET.search(name) and each.get("value", "").partition("//")[2] != "needs-none":
                assert "secretKeyRef" in each.get("valueFrom", {}) or name == "NOTIFIER_CONSOLE_USERS", name
    for settings in of_kind(overlay, "ConfigMap").values():
        assert {name for name in settings["data"] if SECRET.search(name)} <= OPEN_URLS


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_settings_that_exist_are_set(overlay: str) -> None:
    for settings in of_kind(overlay, "ConfigMap").values():
        assert settings["data"].keys() <= KNOWN
    for pod in pods(overlay).values():
        names = {name for name in environment(pod) if name.startswith("NOTIFIER_")}
        assert names - KNOWN == set()


def test_each_process_logs_in_to_postgres_as_itself() -> None:
    for name, pod in pods("production").items():
        url = environment(pod).get("NOTIFIER_DATABASE_URL", {})
        if name == "flower":
            assert url["value"] == "postgresql://needs-none"
            continue
        secret = url["valueFrom"]["secretKeyRef"]["name"]
        role = "owner" if name == "migrate" else "worker" if name.startswith("worker-") else name
        assert secret == f"notifier-{role}"
        assert name == "migrate" or f"notifier_{role.replace('-', '_')}" in ROLES
    passwords = {f"NOTIFIER_{name.upper()}" for name in RoleSettings.model_fields}
    assert passwords <= environment(pods("production")["migrate"]).keys()


def test_the_page_names_every_secret_and_key() -> None:
    page = PAGE.read_text()
    for pod in pods("production").values():
        found = [each["valueFrom"]["secretKeyRef"] for each in environment(pod).values() if "valueFrom" in each]
        for reference in found:
            row = re.search(rf"^\| `{reference['name']}` \|(.*)$", page, re.MULTILINE)
            assert row, f"docs/deploy-kubernetes.md does not name the secret {reference['name']}"
            assert f"`{reference['key']}`" in row[1]


def test_the_urls_of_the_page_name_files_that_their_pods_have() -> None:
    """KEDA opens the scaler's URL in its own pod, which has none of our volumes."""
    urls = re.findall(
        r"^postgresql://notifier_(\w+):.*sslmode=([\w-]+)&sslrootcert=(\S+)$", PAGE.read_text(), re.MULTILINE
    )
    files = {login: file for login, mode, file in urls if mode == "verify-full"}
    assert files.keys() == {"bridge", "scaler"}
    mounts = [each["mountPath"] for each in container(pods("production")["bridge"])["volumeMounts"]]
    assert files["bridge"].rpartition("/")[0] in mounts
    assert files["scaler"].rpartition("/")[0] in re.findall(r"mountPath: ([^,}\s]+)", PAGE.read_text())
    assert files["scaler"].rpartition("/")[0] not in mounts


def test_the_page_runs_commands_in_deployments_that_have_what_they_need() -> None:
    """`doctor` needs the settings of a bridge, an erasure the keys of the people who are suppressed."""
    named = dict(re.findall(r"exec (?:-i )?deploy/([\w-]+) -- (.*)$", PAGE.read_text(), re.MULTILINE))
    assert named.keys() == {"bridge", "console"}
    assert {"NOTIFIER_DATABASE_URL", "NOTIFIER_BROKER_URL"} <= environment(pods("production")["bridge"]).keys()
    assert "NOTIFIER_ERASURE_KEYS" in environment(pods("production")["console"])
    assert of_kind("production", "Deployment").keys() >= named.keys()


def test_prometheus_finds_the_port_that_the_page_names() -> None:
    assert "`metrics` (9108)" in PAGE.read_text()
    for name in of_kind("production", "Deployment"):
        ports = {each["name"]: each["containerPort"] for each in container(pods("production")[name])["ports"]}
        pages = {"console", "preferences", "flower"}
        assert ports.get("metrics") == (None if name in pages else 9108), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_reaches_what_it_needs_and_nothing_else(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    assert policies["deny"]["spec"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "notifier"}},
        "policyTypes": ["Ingress", "Egress"],
    }
    for name, pod in pods(overlay).items():
        values, labels = environment(pod), pod["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "notifier"
        assert ("reaches.notifier/postgres" in labels) == ("valueFrom" in values.get("NOTIFIER_DATABASE_URL", {}))
        assert ("reaches.notifier/redis" in labels) == ("valueFrom" in values.get("NOTIFIER_BROKER_URL", {}))
        assert ("reaches.notifier/smtp" in labels) == (name == "worker-smtp")
        inside = {"migrate", "preferences", "flower"}
        assert ("reaches.notifier/https" in labels) == (name not in inside)
    selected = {label for each in policies.values() for label in each["spec"]["podSelector"].get("matchLabels", {})}
    assert {f"reaches.notifier/{what}" for what in ("postgres", "redis", "https", "smtp")} <= selected


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_workers_whose_channel_reads_files_reach_the_bucket_and_the_address_of_their_role(overlay: str) -> None:
    workers = {name: pod for name, pod in pods(overlay).items() if name.startswith("worker-")}
    readers = {name for name in workers if AttachmentReader.serves(name.removeprefix("worker-"))}
    assert readers == {"worker-email", "worker-smtp"} & workers.keys()
    for name in readers:
        labels = workers[name]["metadata"]["labels"].items()
        policies = [each["spec"] for each in of_kind(overlay, "NetworkPolicy").values()]
        rules = [
            rule for each in policies if each["podSelector"].get("matchLabels", {}).items() <= labels
            for rule in each.get("egress", ())
        ]  # fmt: skip
        assert {"ports": [{"port": 443, "protocol": "TCP"}]} in rules, name
        assert "169.254.170.23/32" in str(rules), name


def test_the_page_says_what_the_account_of_the_smtp_worker_may_do_in_aws() -> None:
    (named,) = re.findall(r"`worker-smtp` [^.]*`(\w+)` of\s+`worker-email\.json`", PAGE.read_text())
    policy = json.loads((FOLDER.parent / "iam" / "worker-email.json").read_text())
    (statement,) = (each for each in policy["Statement"] if each["Sid"] == named)
    assert "s3:GetObject" in statement["Action"]


def test_a_drained_node_takes_no_more_than_one_pod_of_a_process() -> None:
    budgets = of_kind("production", "PodDisruptionBudget")
    alone = {"console", "flower"}
    assert budgets.keys() == of_kind("production", "Deployment").keys() - alone
    for name, budget in budgets.items():
        assert budget["spec"]["maxUnavailable"] == 1
        labels = pods("production")[name]["metadata"]["labels"]
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_accounts_and_services_belong_to_their_pods() -> None:
    accounts = of_kind("production", "ServiceAccount")
    assert {pod["spec"]["serviceAccountName"] for pod in pods("production").values()} == accounts.keys()
    for name, service in of_kind("production", "Service").items():
        assert service["spec"]["selector"].items() <= pods("production")[name]["metadata"]["labels"].items()


def test_the_plain_autoscaler_is_valid_and_not_beside_the_other() -> None:
    path = FOLDER / "scaling" / "cpu" / "worker-email.yml"
    kubernetes_validate.validate(plain := yaml.safe_load(path.read_text()), VERSION, strict=True)
    assert plain["spec"]["scaleTargetRef"]["name"] in of_kind("production", "Deployment")
    assert not of_kind("production", "HorizontalPodAutoscaler")
    (scaled,) = of_kind("production", "ScaledObject").values()
    assert scaled["spec"]["scaleTargetRef"] == {"name": "worker-email"}
    assert scaled["spec"]["minReplicaCount"] == plain["spec"]["minReplicas"] == 2


@pytest.mark.parametrize("scaling", ["keda", "cpu"])
def test_an_upgrade_leaves_the_number_of_workers_to_the_autoscaler(scaling: str, tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    overlay = tmp_path / "overlays" / "production"
    chosen = overlay / "kustomization.yml"
    chosen.write_text(chosen.read_text().replace("scaling/keda", f"scaling/{scaling}"))
    found = {each["metadata"]["name"]: each for each in kustomized(overlay) if each["kind"] == "Deployment"}
    assert {name for name, each in found.items() if "replicas" not in each["spec"]} == {"worker-email"}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    grant_roles(engine)
    yield engine
    engine.dispose()


def asked(engine: Engine) -> dict[str, float]:
    """What KEDA's queries say, under the role whose login it uses."""
    (scaled,) = of_kind("production", "ScaledObject").values()
    (login,) = of_kind("production", "TriggerAuthentication").values()
    assert login["spec"]["secretTargetRef"] == [
        {"parameter": "connection", "name": "notifier-scaler", "key": "database-url"}
    ]
    found = {}
    for trigger in scaled["spec"]["triggers"]:
        assert trigger["type"] == "postgresql"
        assert float(trigger["metadata"]["targetQueryValue"]) > 0
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL ROLE notifier_scaler")
            found[trigger["name"]] = connection.exec_driver_sql(trigger["metadata"]["query"]).scalar_one()
    return found


def test_the_queries_of_keda_see_what_waits(engine: Engine) -> None:
    rows = Rows(engine)
    assert asked(engine) == {"age": 0.0, "messages": 0.0}
    rows.pending(3)
    waiting = asked(engine)
    assert waiting["messages"] == 3
    assert 0 <= waiting["age"] < 60
    with engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET status = 'skipped'"))
    assert asked(engine) == {"age": 0.0, "messages": 3.0}
