"""Charts as inline SVG: the numbers that a template draws."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 300.0, 72.0
_NICE = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of a chart, in its units."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """`values` per minute, the oldest first, None where nothing is known. `top` is the value of the upper edge."""

    name: str
    values: Sequence[float | None]
    top: float
    now: float
    bars: Sequence[Bar]

    @property
    def begins(self) -> bool:
        """Whether nothing is known of the spans before the last one, so that `now` is of this one."""
        return sum(value is not None for value in self.values) <= 1

    @property
    def largest(self) -> float:
        return max((value for value in self.values if value is not None), default=0.0)


def chart(name: str, values: Sequence[float | None]) -> Chart:
    """Return a chart of values per minute. The last one is of a span that goes on; `now` is the one before."""
    known = [value for value in values if value is not None]
    top = ceiling(max(known, default=0.0))
    step = WIDTH / max(1, len(values))
    bars = [
        Bar(
            round(n * step, 2),
            round(HEIGHT * (1 - value / top), 2),
            round(step * 0.8, 2),
            round(HEIGHT * value / top, 2),
        )
        for n, value in enumerate(values)
        if value
    ]
    return Chart(name, values, top, known[-2] if len(known) > 1 else sum(known), bars)


def ceiling(value: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, ... that is not below the value."""
    power = 1
    while True:
        for digit in _NICE:
            if digit * power >= value:
                return float(digit * power)
        power *= 10
