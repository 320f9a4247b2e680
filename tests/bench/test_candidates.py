"""Each candidate sends exactly one mail for each event of a small load."""

from dataclasses import asdict

import pytest

from bench.measure.notifier import notifier
from bench.measure.servers import Servers
from bench.measure.trial import Candidate, trial
from bench.peers.lambda_handler.candidate import lambda_handler
from bench.peers.plain_celery.candidate import plain_celery

SIMULATORS = {"streams simulator", "ses stub"}


@pytest.mark.parametrize(
    ("candidate", "processes"),
    [(notifier, {"bridge", "worker"}), (plain_celery, {"reader", "worker"}), (lambda_handler, {"handler"})],
)
def test_it_delivers_fifty_events(servers: Servers, candidate: Candidate, processes: set[str]) -> None:
    with trial(servers, candidate) as trial_run:
        run = trial_run.run(50)
    assert run.events == 50
    assert run.seconds > 0
    assert run.cpu_us_per_event.keys() == {"postgres", "redis"} | processes | SIMULATORS
    assert sum(asdict(run)["cpu_us_per_event"][name] for name in processes) > 0
    assert servers.ses.counts()["accepted"] == 50
