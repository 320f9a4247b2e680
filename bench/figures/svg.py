"""Small charts as SVG, for light and dark pages."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 760
_LEFT, _RIGHT, _TOP, _BAR, _GAP = 170, 130, 74, 26, 16
_PLOT = WIDTH - _LEFT - _RIGHT
_TICKS = 6

_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .quiet, .tick { fill: #59636e; font-size: 12px }
  .grid { stroke: #d1d9e0 }
  .s0 { fill: #2563c9 } .s1 { fill: #0f9d80 } .s2 { fill: #d9822b } .s3 { fill: #b5476b }
  .dot { fill: #1f2328; fill-opacity: 0.55 }
  .curve { fill: none; stroke: #2563c9; stroke-width: 2 }
  .mark { stroke: #59636e; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet, .tick { fill: #9198a1 } .grid { stroke: #3d444d }
    .s0 { fill: #6ea8ff } .s1 { fill: #4fd1b0 } .s2 { fill: #f2ad5c } .s3 { fill: #e88aa8 }
    .dot { fill: #f0f6fc } .curve { stroke: #6ea8ff } .mark { stroke: #9198a1 }
  }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """`parts` are drawn end to end, each in its own colour. `dots` are single measurements."""

    label: str
    parts: Sequence[float]
    text: str
    dots: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """The texts around the drawing: `note` is below the title, `foot` below the drawing."""

    title: str
    note: str
    foot: str

    def around(self, body: Sequence[str], height: int) -> str:
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" role="img">',
                f"<title>{escape(self.title)}</title>",
                f"<style>{_STYLE}</style>",
                _text(0, 18, self.title, "title"),
                _text(0, 38, self.note, "quiet"),
                *body,
                _text(0, height - 8, self.foot, "quiet"),
                "</svg>\n",
            ]
        )


def bar_chart(chart: Chart, bars: Sequence[Bar], legend: Sequence[str] = ()) -> str:
    """Horizontal bars from zero, all on the same scale."""
    most = max(max(sum(bar.parts), *bar.dots, 0) for bar in bars) or 1.0
    body = _legend(legend)
    for number, bar in enumerate(bars):
        y = _TOP + number * (_BAR + _GAP)
        middle = y + _BAR / 2
        body.append(_text(_LEFT - 10, middle + 4, bar.label, anchor="end"))
        x: float = _LEFT
        for place, part in enumerate(bar.parts):
            width = part / most * _PLOT
            body.append(f'<rect class="s{place}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}"/>')
            x += width
        body += [
            f'<circle class="dot" cx="{_LEFT + dot / most * _PLOT:.1f}" cy="{middle}" r="3"/>' for dot in bar.dots
        ]
        end = _LEFT + max(sum(bar.parts), *bar.dots, 0) / most * _PLOT
        body.append(_text(end + 10, middle + 4, bar.text))
    return chart.around(body, _TOP + len(bars) * (_BAR + _GAP) + 20)


def share_curve(chart: Chart, values: Sequence[float], marks: Sequence[float], unit: str) -> str:
    """The share of the sorted values that are at most x. `marks` are shares that get a line and a label."""
    height, floor = 330, 270
    most = values[_place(values, 0.999)] * 1.05 or 1.0

    def x(value: float) -> float:
        return 60 + min(value, most) / most * (WIDTH - 160)

    def y(share: float) -> float:
        return floor - share * (floor - _TOP)

    body = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        body.append(f'<line class="grid" x1="60" x2="{WIDTH - 100}" y1="{y(share):.1f}" y2="{y(share):.1f}"/>')
        body.append(_text(52, y(share) + 4, f"{share:.0%}", "tick", "end"))
    body += [_text(x(tick), floor + 18, f"{tick:,g} {unit}", "tick", "middle") for tick in ticks(most)]
    shares = [step / 200 for step in range(200)] + [0.9975, 0.999]
    points = " ".join(f"{x(values[_place(values, share)]):.1f},{y(share):.1f}" for share in shares)
    body.append(f'<polyline class="curve" points="{points}"/>')
    for share in marks:
        at = values[_place(values, share)]
        body.append(f'<line class="mark" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{y(share):.1f}" y2="{floor}"/>')
        body.append(_text(x(at) + 6, floor - 8, f"p{share * 100:g} {at:,.0f} {unit}"))
    return chart.around(body, height)


def ticks(most: float) -> list[float]:
    """Up to six round numbers from 0 to `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    step = next(each for each in (power / 5, power / 2, power, power * 2) if most / each < _TICKS)
    return [step * number for number in range(int(most / step) + 1)]


def _place(values: Sequence[float], share: float) -> int:
    return min(len(values) - 1, int(share * len(values)))


def _legend(names: Sequence[str]) -> list[str]:
    body = []
    x = float(_LEFT)
    for place, name in enumerate(names):
        body.append(f'<rect class="s{place}" x="{x:.0f}" y="50" width="11" height="11"/>')
        body.append(_text(x + 16, 60, name, "quiet"))
        x += 34 + 7 * len(name)
    return body


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
