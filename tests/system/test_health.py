"""What real processes serve over HTTP: the metrics of the docs and the alarms, and the truth about their health."""

import re
import signal
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from examples.activity import sample_items
from notifier.metrics.family import Family, Source
from notifier.metrics.names import FAMILIES
from sandbox.embedded.allocation import free_port
from sandbox.embedded.processes import Child
from sandbox.system import System
from tests.notifier.health.test_server import got
from tests.system.test_feedback import plan
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).parents[2]
SERVED_BY = {
    "bridge": {Source.DATABASE, Source.BRIDGE, Source.ALL},
    "worker": {Source.WORKER, Source.ALL},
    "feedback": {Source.FEEDBACK, Source.ALL},
}


class Process:
    """A process of the system, and the port on which it serves."""

    def __init__(self, system: System, name: str, *words: str) -> None:
        self.port = free_port()
        system.options["NOTIFIER_METRICS_PORT"] = str(self.port - len(system.children))
        self.child: Child = system.start(name, *words)

    def metrics(self) -> dict[str, Metric]:
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            return {each.name: each for each in text_string_to_metric_families(answer.read().decode())}

    def value(self, family: str, sample: str, **labels: str) -> float:
        return sum(
            each.value
            for each in self.metrics()[family].samples
            if each.name == sample and labels.items() <= each.labels.items()
        )

    def checks(self, path: str, status: int) -> dict[str, Any]:
        """Return the checks once the answer has this status; empty before."""
        try:
            found, body = got(self.port, path)
        except OSError:
            return {}
        checks: dict[str, Any] = body["checks"]
        return checks if found == status else {}

    def start(self) -> None:
        """Wait until it is ready, or has ended."""
        self.child.wait_until(lambda: self.checks("/readyz", 200), 60)

    def wait_for(self, path: str, status: int, check: str = "", words: str = "") -> None:
        """Wait for an answer of this status, in which that check says these words."""
        wait_until(
            lambda: (found := self.checks(path, status)) and words in found.get(check, "" if check else words),
            60,
            f"{self.child.name} {path} {status} {words}",
        )


@pytest.fixture
def processes(system: System) -> dict[str, Process]:
    started = {
        name: Process(system, name, name, *words)
        for name, words in (("bridge", ()), ("feedback", ()), ("worker", ("email", "webhook")))
    }
    for each in started.values():
        each.start()
    return started


def shown(name: str) -> str:
    """The family of a name in a query."""
    return re.sub(r"_(total|bucket|count|sum)$", "", name)


def test_each_process_serves_the_metrics_that_are_named(system: System, processes: dict[str, Process]) -> None:
    written = sample_items(40)
    list(system.table().write(written, batch=5))
    bridge, feedback, worker = (processes[each] for each in ("bridge", "feedback", "worker"))
    wait_until(lambda: feedback.value("notifier_feedback_received", "notifier_feedback_received_total") >= 80, 60)

    sent = worker.value("notifier_deliveries", "notifier_deliveries_total", channel="email", status="sent")
    assert sent == worker.value("notifier_outcomes", "notifier_outcomes_total", outcome="accepted") == 40
    assert worker.value("notifier_messages", "notifier_messages_total", delivery="first") == 40
    assert worker.value("notifier_unit_size", "notifier_unit_size_sum") >= 40
    assert worker.value("notifier_in_progress", "notifier_in_progress") == 0
    for step in ("load", "build", "begin", "send", "finish"):
        assert worker.value("notifier_step_seconds", "notifier_step_seconds_count", step=step) > 0, step
    assert worker.value("notifier_rate_allowed", "notifier_rate_allowed", channel="email") > 1
    assert feedback.value("notifier_feedback_settled", "notifier_feedback_settled_total", result="fresh") >= 80
    assert feedback.value("notifier_feedback_delay_seconds", "notifier_feedback_delay_seconds_count") >= 80
    assert (
        0 <= feedback.value("notifier_feedback_newest_event_seconds", "notifier_feedback_newest_event_seconds") < 60
    )
    wait_until(lambda: bridge.value("notifier_outbox_deliveries", "notifier_outbox_deliveries_total") >= 40, 20)

    for name, process in processes.items():
        wanted = {each.name: each for each in FAMILIES if each.source in SERVED_BY[name]}
        found = {key: each for key, each in process.metrics().items() if key.startswith("notifier_")}
        assert found.keys() == wanted.keys(), name
        for key, family in wanted.items():
            assert_is(family, found[key])
        assert "process_cpu_seconds" in process.metrics()


def assert_is(family: Family, found: Metric) -> None:
    assert (found.type, found.documentation) == (family.kind.value, family.help)
    for sample in found.samples:
        assert sorted(sample.labels.keys() - {"le"}) == sorted(family.labels), sample


def test_the_alarms_query_what_is_served() -> None:
    """Names, and the labels that they select or group by; `test_each_process_serves` holds the names to the truth."""
    families = {each.name: each for each in FAMILIES}
    for path in (ROOT / "deploy/prometheus").glob("*.yml"):
        for group in yaml.safe_load(path.read_text()).get("groups", ()):
            for rule in group["rules"]:
                named = re.findall(r"\bnotifier_\w+", rule["expr"])
                assert named, rule["alert"]
                labels = {label for name in named for label in families[shown(name)].labels}
                grouped = re.findall(r"\b(?:by|on) \(([^)]*)\)", rule["expr"])
                used = {label.strip() for group_ in grouped for label in group_.split(",") if label.strip()}
                used |= set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
                assert used <= labels | {"instance", "job"}, rule["alert"]
                for name, selected in re.findall(r"\b(notifier_\w+)\{(\w+)", rule["expr"]):
                    assert selected in families[shown(name)].labels, rule["alert"]
                for name in named:
                    assert name == families[shown(name)].shown or name != shown(name), rule["alert"]


def test_servers_that_are_away_make_processes_unready_and_not_unhealthy(
    system: System, processes: dict[str, Process]
) -> None:
    system.postgres.stop()
    for process in processes.values():
        process.wait_for("/readyz", 503, "database", "does not answer")
        assert process.checks("/healthz", 200)
    assert processes["bridge"].value("notifier_database_up", "notifier_database_up") == 0
    assert processes["bridge"].value("notifier_ready", "notifier_ready") == 0
    system.postgres.start()
    for process in processes.values():
        process.wait_for("/readyz", 200)

    system.redis.stop()
    for name in ("bridge", "worker"):
        processes[name].wait_for("/readyz", 503, "broker", "no broker")
        assert processes[name].checks("/healthz", 200)
    processes["worker"].wait_for("/readyz", 503, "consumer", "waits for the broker")
    assert processes["feedback"].checks("/readyz", 200)
    system.redis.start()
    for process in processes.values():
        process.wait_for("/readyz", 200)


def test_a_worker_that_ends_is_unready_at_once_and_healthy_to_its_end(
    system: System, processes: dict[str, Process]
) -> None:
    worker = processes["worker"]
    plan(system, {"kind": "slow", "seconds": 8, "times": 20})
    list(system.table().write(sample_items(5), batch=5))
    bridge = processes["bridge"]  # what is only being built would be given back at once
    wait_until(lambda: bridge.value("notifier_outbox_sending", "notifier_outbox_sending") > 0, 30)
    worker.child._process.send_signal(signal.SIGTERM)
    worker.wait_for("/readyz", 503, "stop", "this process ends")
    assert worker.checks("/healthz", 200) == {"stop": "this process ends"}
    assert worker.child.exit_code is None
    assert wait_until(lambda: worker.child.exit_code is not None, 60)
    assert worker.child.exit_code == 0
