"""The drawings of a result: docs/bench-*.svg."""

from pathlib import Path

from bench.end_to_end import median
from bench.figures.svg import Bar, Chart, bar_chart, share_curve
from bench.measure.result import OURS, Result
from bench.measure.trial import Run

_ROLES = {
    "reads the stream": ("bridge", "reader"),
    "sends": ("worker", "handler"),
    "Postgres": ("postgres",),
    "Redis": ("redis",),
}


def write(result: Result, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {"throughput": throughput, "cpu": cpu, "latency": latency, "growth": growth, "scale-out": scale_out}
    for name, draw in drawings.items():
        (folder / f"bench-{name}.svg").write_text(draw(result))


def throughput(result: Result) -> str:
    ours = median(result.runs[OURS]).events_per_second
    bars = []
    for name, runs in result.runs.items():
        rate = median(runs).events_per_second
        times = "" if name == OURS else f", {ours / rate:.1f} times less"
        bars.append(Bar(name, [rate], f"{rate:,.0f}/s{times}", [run.events_per_second for run in runs]))
    note = "The median of the runs, which are the dots. Every event became exactly one mail."
    return bar_chart(Chart("Events per second, from stream to accepted mail", note, result.facts), bars)


def cpu(result: Result) -> str:
    bars = [_cpu_bar(name, median(runs)) for name, runs in result.runs.items()]
    note = "By process, from the operating system. The simulators of AWS are not in it."
    return bar_chart(Chart("Microseconds of CPU per event", note, result.facts), bars, list(_ROLES))


def _cpu_bar(name: str, run: Run) -> Bar:
    parts = [sum(run.cpu_us_per_event.get(process, 0.0) for process in some) for some in _ROLES.values()]
    return Bar(name, parts, f"{sum(parts):,.0f} µs")


def latency(result: Result) -> str:
    found = result.latency
    title = f"Latency from stream to accept, at {found.at_events_per_second:,} events per second"
    note = f"Share of {len(found.milliseconds):,} mails that took no longer."
    if not found.kept_up:
        note += " The load was more than it could do: these figures show a growing backlog."
    return share_curve(Chart(title, note, result.facts), found.milliseconds, (0.5, 0.99), "ms")


def growth(result: Result) -> str:
    grown = result.growth
    bars = []
    for name, runs in grown.runs.items():
        rate = median(runs).events_per_second
        bars.append(Bar(name, [rate], f"{rate:,.0f}/s", [run.events_per_second for run in runs]))
    note = f"The same load: {grown.ratio:.2f} times as many events per second among the old rows."
    return bar_chart(Chart("Events per second, without and among old notifications", note, result.facts), bars)


def scale_out(result: Result) -> str:
    found = result.scale_out
    bars = [_cpu_bar(name, median(runs)) for name, runs in found.runs.items()]
    note = f"With the most workers an event takes {found.ratio:.2f} times as much CPU as with the fewest."
    chart = Chart("Microseconds of CPU per event, with more and more workers", note, result.facts)
    return bar_chart(chart, bars, list(_ROLES))
