"""The JSON and the drawings of the benchmark."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import docs
from bench.__main__ import parse
from bench.figures import plots
from bench.figures.svg import Bar, Chart, bar_chart, ticks
from bench.growth import Growth
from bench.latency import Latency
from bench.measure.days import GrowthDays
from bench.measure.result import APART, CELERY, LAMBDA, OURS, Result
from bench.measure.trial import Run
from bench.scale_out import ScaleOut

MACHINE = {"cores": 2, "processor": "<fast> & cheap", "memory_gb": 8, "python": "3.11.7"}


def runs(rates: list[float], **cpu: float) -> list[Run]:
    return [Run(1000, 0.0, 1000 / rate, {**cpu, **dict.fromkeys(APART, 7.0)}) for rate in rates]


@pytest.fixture
def result() -> Result:
    return Result(
        {
            OURS: runs([900.0, 1000.0, 1200.0], bridge=30.0, worker=100.0, postgres=50.0, redis=20.0),
            CELERY: runs([100.0], reader=1000.0, worker=3000.0, postgres=500.0, redis=300.0),
            LAMBDA: runs([250.0], handler=3000.0, postgres=0.0, redis=100.0),
        },
        Latency(1000, [float(n) for n in range(1, 201)], drained=0.2),
        Growth(1_000_000, runs([1000.0]), runs([950.0])),
        GrowthDays(730, runs([1000.0]), runs([980.0]), (40, 40)),
        ScaleOut(
            {
                1: runs([500.0], bridge=30.0, worker=100.0, postgres=50.0, redis=20.0),
                4: runs([900.0], bridge=30.0, worker=120.0, postgres=50.0, redis=20.0),
            }
        ),
        MACHINE,
    )


def test_the_json_has_its_documented_members(result):
    assert result.summary() == {
        "end_to_end": {
            "events_per_second": 1000.0,
            "cpu_us_per_event": {"bridge": 30.0, "worker": 100.0, "postgres": 50.0, "redis": 20.0},
        },
        "peers": {
            "plain_celery": {"events_per_second": 100.0, "ratio": 10.0},
            "lambda_handler": {"events_per_second": 250.0, "ratio": 4.0},
        },
        "latency_ms": {"p50": 100.0, "p99": 198.0, "at_events_per_second": 1000},
        "growth": {"rows": 1_000_000, "ratio": 0.95},
        "growth_days": {"days": 730, "ratio": 0.98, "locks_few": 40, "locks_many": 40},
        "scale_out": {
            "workers": [1, 4],
            "cpu_us_per_event": [200.0, 220.0],
            "worker_us_per_event": [100.0, 120.0],
            "ratio": 1.1,
            "worker_ratio": 1.2,
        },
        "machine": MACHINE,
    }


def test_a_backlog_does_not_keep_up():
    assert Latency(1000, [1.0], drained=0.5).kept_up
    assert not Latency(1000, [1.0], drained=5.0).kept_up


def test_each_drawing_is_valid_and_has_its_figures(result, tmp_path: Path):
    plots.write(result, tmp_path / "new")
    drawn = {path.name: ET.parse(path).getroot() for path in (tmp_path / "new").iterdir()}
    assert drawn.keys() == {f"bench-{name}.svg" for name in ("throughput", "cpu", "latency", "growth", "scale-out")}
    for root in drawn.values():
        assert "2 cores of <fast> & cheap, 8 GB, Python 3.11.7" in "".join(root.itertext())
    assert "1,000/s" in "".join(drawn["bench-throughput.svg"].itertext())
    assert "220 µs" in "".join(drawn["bench-scale-out.svg"].itertext())
    assert "4,800 µs" in "".join(drawn["bench-cpu.svg"].itertext())


def test_the_page_shows_each_drawing(result, tmp_path: Path):
    plots.write(result, tmp_path)
    page = (Path(docs.__file__).parent / "performance.md").read_text()
    for drawing in tmp_path.iterdir():
        assert f"]({drawing.name})" in page


def test_bars_are_as_long_as_their_values():
    drawn = ET.fromstring(bar_chart(Chart("t", "n", "f"), [Bar("a", [30, 10], "40"), Bar("b", [20], "20")]))
    bars = list(drawn.iter("{http://www.w3.org/2000/svg}rect"))
    widths = [float(bar.get("width", 0)) for bar in bars]
    assert widths == pytest.approx([widths[0], widths[0] / 3, widths[0] * 2 / 3])
    assert float(bars[1].get("x", 0)) == pytest.approx(float(bars[0].get("x", 0)) + widths[0])


@pytest.mark.parametrize("most", [0.3, 1.0, 7.0, 99.0, 700.0, 54_321.0])
def test_ticks_are_few_and_round(most):
    found = ticks(most)
    assert found[0] == 0
    assert 2 <= len(found) <= 6
    assert found[-1] <= most


def test_a_quick_run_draws_nothing_by_default(tmp_path: Path):
    assert parse([]).plots == Path(docs.__file__).parent
    assert parse(["--quick"]).plots is None
    assert parse(["--quick", "--plots", str(tmp_path), "--rows", "7"]).plots == tmp_path
    assert parse(["--quick", "--rows", "7"]).rows == 7
    assert parse(["--days", "365"]).days == 365
    assert parse([]).days == 730
