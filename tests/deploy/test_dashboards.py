"""The dashboards of Grafana: each metric that a process serves has a panel, and each query is one of Prometheus."""

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.dashboards import BOARDS, dashboards, queries
from docs.generate import DASHBOARDS
from notifier.metrics.names import FAMILIES

PROMTOOL = shutil.which("promtool")
WRITTEN: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in DASHBOARDS.glob("*.json")}


def expressions() -> list[str]:
    panels = [panel for board in WRITTEN.values() for panel in board["panels"] if panel["type"] != "row"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_is_up_to_date(name: str) -> None:
    assert (DASHBOARDS / f"{name}.json").read_text() == dashboards()[name], "run `make docs`"


def test_each_metric_that_is_served_has_one_panel_and_no_other_is_asked_for() -> None:
    """`tests/system/test_checks.py` holds the families against what each process really serves."""
    assert WRITTEN.keys() == BOARDS.keys()
    asked = Counter(
        {re.sub(r"_bucket$", "", name) for name in re.findall(r"notifier_\w+", expression)}.pop()
        for expression in expressions()
    )
    of_histograms = {each.shown for each in FAMILIES if len(list(queries(each))) == 2}
    assert asked == {each.shown: 2 if each.shown in of_histograms else 1 for each in FAMILIES}


def test_queries_ask_for_labels_that_their_metrics_have() -> None:
    labels = {each.shown: {*each.labels, "le"} for each in FAMILIES}
    for expression in expressions():
        name = re.sub(r"_bucket$", "", re.findall(r"notifier_\w+", expression)[0])
        by = re.findall(r" by \(([^)]*)\)", expression)
        used = {label.strip() for each in by for label in each.split(",")} | set(re.findall(r"\{(\w+)=", expression))
        assert used <= labels[name], expression


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool, of Debian's package prometheus")
def test_each_query_is_one_of_prometheus(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": each.replace("$__rate_interval", "5m").replace("$channel", ".*")}
        for number, each in enumerate(expressions())
    ]
    checked = check(tmp_path, rules)
    assert checked.returncode == 0, checked.stderr
    assert check(tmp_path, [{"record": "query:wrong", "expr": "max by (channel (notifier_ready)"}]).returncode != 0


def check(folder: Path, rules: list[dict[str, str]]) -> subprocess.CompletedProcess[str]:
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    words = [str(PROMTOOL), "check", "rules", str(folder / "rules.yml")]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_the_data_source_is_chosen_on_the_page() -> None:
    for board in WRITTEN.values():
        assert [each["name"] for each in board["templating"]["list"]] == ["datasource", "channel"]
        uids = {panel["datasource"]["uid"] for panel in board["panels"] if panel["type"] != "row"}
        assert uids == {"${datasource}"}
