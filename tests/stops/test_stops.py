"""A short one; `python -m tests.stops` has the long one."""

from pathlib import Path

import pytest

from tests.stops.run import run


@pytest.mark.timeout(300)
def test_a_stop_takes_the_request_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    found = run(1, 14.0, 1_500, 1, tmp_path)
    assert found.good, found
    assert found.stops[0].seconds < 10.0
    assert found.stops[0].sends - found.stops[0].ready < 10.0  # well below the visibility of 120 s
