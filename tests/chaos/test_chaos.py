"""A short run with a fixed seed; `make chaos` is the long one."""

from pathlib import Path

import pytest

from tests.chaos.blows import GROUPS
from tests.chaos.oracle import judge
from tests.chaos.run import Plan, run


@pytest.mark.timeout(300)
def test_each_event_is_one_mail_whatever_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    plan = Plan(seed=11, events=600, blows=10, seconds=16.0, patience=150.0, groups=GROUPS)

    history = run(plan, tmp_path, lambda *_: None)

    found = judge(history)
    assert found.good, found
    assert history.run["settled"]
    assert found.events >= 600
    assert found.kills + found.cuts > 0
