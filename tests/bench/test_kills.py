"""Killed workers on the fast transport lose no message."""

from pathlib import Path

import pytest

from bench.kills import kill_workers


@pytest.mark.timeout(300)
def test_killed_workers_lose_nothing(tmp_path: Path) -> None:
    outcome = kill_workers(8, "fast", "threads", tmp_path, seed=1)
    assert outcome.lost == 0
    assert outcome.published > 1_000
