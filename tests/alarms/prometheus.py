"""Prometheus as a process on 127.0.0.1, with rules and targets, for as long as a `with` block lasts."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from sandbox.embedded.allocation import free_port
from sandbox.embedded.processes import Child

PROGRAM = shutil.which("prometheus")
SEVERITY = "severity"
SCRAPE_SECONDS = 3
"""Prometheus waits no longer for an answer than it waits between two questions: less fails on a busy machine."""


@dataclass(frozen=True)
class Alarm:
    """An alarm that fires: its name, its labels without the severity, and what it tells."""

    name: str
    labels: frozenset[tuple[str, str]]
    annotations: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return shown(self.name, dict(self.labels))


def shown(name: str, labels: Mapping[str, str]) -> str:
    """Return an alarm as Prometheus writes a series: `NotifierLag{table="orders"}`."""
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "}"


class Prometheus:
    """A running server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def firing(self) -> dict[str, Alarm]:
        """Return the alarms that fire now, by what they are shown as."""
        found = [_alarm(each) for each in self._ask("alerts")["alerts"] if each["state"] == "firing"]
        return {str(each): each for each in found}

    def pending(self) -> set[str]:
        """Return the alarms whose condition holds, and not yet for as long as their rule wants."""
        return {str(_alarm(each)) for each in self._ask("alerts")["alerts"] if each["state"] == "pending"}

    def values(self, query: str) -> list[float]:
        """Return the values of the series that a query finds now."""
        return [float(each["value"][1]) for each in self._ask("query", query=query)["result"]]

    def is_ready(self) -> bool:
        try:
            with urlopen(f"{self._url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def _ask(self, what: str, **given: str) -> Any:
        with urlopen(f"{self._url}/api/v1/{what}?{urlencode(given)}", timeout=30) as answer:
            return json.loads(answer.read())["data"]


@contextmanager
def running_prometheus(folder: Path, rules: Mapping[str, Any], targets: Mapping[str, int]) -> Iterator[Prometheus]:
    """Prometheus with these rules. `targets` are the ports of processes by the name that is their `instance`.

    Each is asked every SCRAPE_SECONDS, and the rules are evaluated every second. Its files are in `folder`.
    """
    assert PROGRAM is not None
    port = free_port()
    (folder / "rules.json").write_text(json.dumps(rules))  # JSON is YAML
    configuration = folder / "prometheus.json"
    configuration.write_text(json.dumps(_configuration(folder / "rules.json", targets)))
    words = [
        PROGRAM,
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with Child("prometheus", words, log=folder / "prometheus.log") as child:
        server = Prometheus(f"http://127.0.0.1:{port}")
        child.wait_until(server.is_ready, 60)
        yield server


def _configuration(rules: Path, targets: Mapping[str, int]) -> dict[str, Any]:
    each = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": instance}} for instance, port in targets.items()
    ]
    every = f"{SCRAPE_SECONDS}s"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "notifier", "static_configs": each}],
    }


def _alarm(alert: Mapping[str, Any]) -> Alarm:
    labels = {name: value for name, value in alert["labels"].items() if name not in ("alertname", SEVERITY)}
    return Alarm(alert["labels"]["alertname"], frozenset(labels.items()), tuple(sorted(alert["annotations"].items())))
