"""A short run at a low rate; `python -m tests.docker.rolling` is the long one. Only that judges how late mails are:
on a busy machine they are late whatever is replaced.
"""

from pathlib import Path

import pytest

from tests.docker.rolling.run import replace_processes, run
from tests.docker.stack import reason_to_skip


@pytest.mark.docker
@pytest.mark.timeout(1_800)
def test_each_event_has_one_mail_while_all_processes_are_replaced(tmp_path: Path) -> None:
    if reason := reason_to_skip():
        pytest.skip(reason)
    found = run(tmp_path, 20.0, replace_processes, print)
    assert found.exact, found
    ended = [each.what for each in found.delays if "ended" in each.what]
    assert len(ended) == 5, "two workers, feedback and two bridges"
    assert all(each.endswith("exit code 0") for each in ended)
