"""A short run; `python -m tests.stops` is the long one."""

from pathlib import Path

import pytest

from tests.stops.run import run


@pytest.mark.timeout(300)
def test_a_stop_finishes_the_request_in_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    found = run(1, 14.0, 1_500, 1, tmp_path)
    assert found.good, found
    assert found.stops[0].seconds < 10.0
    assert found.stops[0].sends - found.stops[0].ready < 10.0  # well below the visibility of 120 s
