"""The warm-up of a candidate."""

from collections.abc import Sequence

import pytest

from bench.measure.trial import Run, Trial


class Scripted(Trial):
    """Processes as many events a second as the script says, run by run."""

    def __init__(self, rates: Sequence[float]) -> None:
        self.rates = list(rates)
        self.loaded: list[int] = []

    def run(self, events: int, rate: float | None = None) -> Run:
        self.loaded.append(events)
        return Run(events, 0.0, events / self.rates.pop(0), {})


@pytest.mark.parametrize(
    ("rates", "loaded"),
    [
        ([10, 100, 105], [200, 500, 500]),  # slow: one run takes longer than the warm-up
        ([100, 400, 1_000, 2_000, 3_000, 3_200], [200, 500, 2_000, 2_000, 8_000, 8_000]),  # ever faster
    ],
)
def test_a_warm_up_ends_when_the_candidate_becomes_no_faster(rates: list[float], loaded: list[int]) -> None:
    trial = Scripted(rates)
    assert trial.warm_up() == rates[-1]
    assert trial.loaded == loaded


def test_a_known_rate_makes_the_warm_up_one_run() -> None:
    trial = Scripted([100, 3_000])
    assert trial.warm_up(2_500) == 3_000
    assert trial.loaded == [200, 5_000]
