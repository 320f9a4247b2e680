"""What benchmarks say of wrong and of very small values: one line, and no traceback."""

import subprocess
import sys
from argparse import ArgumentTypeError
from importlib import import_module
from pathlib import Path

import pytest

from bench.measure.command import folder, positive, whole_number, workspace
from bench.measure.processes import TooFew, Usage, cpu_us_per_event, ratio
from notifier.errors import NotifierError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "command",
    [
        "bench.__main__ --runs 0",
        "bench.backlog --rows 0",
        "bench.end_to_end --seconds 0",
        "bench.end_to_end --memory 0",
        "bench.growth --days 0",
        "bench.kills --kills 0",
        "bench.latency --rate 0",
        "bench.outage --events 0",
        "bench.overload --seconds nan",
        "bench.retention --days -1",
        "bench.scale_out --workers 1 0",
        "bench.trace.__main__ --rate x",
        "bench.parts.bridge --records 0",
        "bench.parts.outbox --units 1",
        "bench.parts.render --mails 0",
        "bench.parts.ses --units 0",
        "bench.parts.transport --factor 0",
        "bench.parts.units --messages 0",
        "bench.parts.units_worker other",
    ],
)
def test_a_wrong_value_is_refused_in_one_line_before_anything_starts(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, *words = command.split()
    monkeypatch.setattr(sys, "argv", [module, *words])
    with pytest.raises(SystemExit) as ended:
        import_module(module).main()
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert "error: " in printed.err.splitlines()[-1]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", ["bench.parts.units --messages 1", "bench.parts.bridge --records 1"])
def test_too_little_to_measure_is_said_in_one_line(command: str) -> None:
    words = [sys.executable, "-m", *command.split()]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode in (0, 1)  # 0 where this machine was slow enough
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 0 or "measure more" in ended.stderr


def test_cpu_per_event_of_no_events_raises_too_few() -> None:
    usage = {"worker": Usage(1.0, 0)}
    assert cpu_us_per_event(usage, {"worker": Usage(1.5, 0)}, 1_000) == {"worker": 500.0}
    with pytest.raises(TooFew):
        cpu_us_per_event(usage, usage, 0)


def test_a_ratio_to_no_cpu_at_all_raises_too_few() -> None:
    assert ratio(30.0, 20.0) == 1.5
    with pytest.raises(TooFew):
        ratio(30.0, 0.0)


@pytest.mark.parametrize("text", ["0", "-3"])
def test_a_whole_number_is_at_least_one(text: str) -> None:
    assert whole_number("1") == 1
    with pytest.raises(ArgumentTypeError, match=f"{text} is not at least 1"):
        whole_number(text)


@pytest.mark.parametrize("text", ["0", "-0.5", "nan", "inf"])
def test_a_positive_number_is_finite(text: str) -> None:
    assert positive("0.5") == 0.5
    with pytest.raises(ArgumentTypeError, match="is not a positive number"):
        positive(text)


def test_a_folder_for_drawings_is_made_at_once(tmp_path: Path) -> None:
    assert folder(str(tmp_path / "new" / "one")).is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentTypeError, match="no file can be made in"):
        folder(str(tmp_path / "file"))


def test_a_folder_is_removed_unless_its_logs_may_say_why_a_command_failed() -> None:
    with workspace() as made:
        assert made.is_dir()
    assert not made.exists()
    with pytest.raises(SystemExit) as ended, workspace() as made:
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert not made.exists()
    with pytest.raises(SystemExit, match="the worker ended") as ended, workspace() as made:
        raise NotifierError("the worker ended")
    assert str(made) in str(ended.value)
    assert made.is_dir()
    made.rmdir()
