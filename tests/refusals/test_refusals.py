"""Short runs; `python -m tests.refusals` has the long ones."""

from pathlib import Path

import pytest

from tests.refusals.kinds import MUST
from tests.refusals.run import drain, fail_over, refuse, started

RATE = 20.0


@pytest.fixture
def _local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("_local")
def test_no_process_ends_and_no_event_is_lost(tmp_path: Path) -> None:
    with started(tmp_path) as system:
        found = [refuse(system, kind, 1.5, RATE) for kind in MUST]
        found += [fail_over(system, RATE, kill=kill) for kill in (False, True)]
    assert [each for each in found if not each.good] == []
    assert max(each.back for each in found) < 30.0  # on a machine that others use


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("_local")
def test_a_new_worker_drains_a_full_redis(tmp_path: Path) -> None:
    assert drain(200, tmp_path) > 0
