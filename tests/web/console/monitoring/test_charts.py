import pytest

from web.console.monitoring.charts import HEIGHT, WIDTH, ceiling, chart
from web.console.rendering import coded, number


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (1.5, 2), (3, 5), (6, 10), (10, 10), (11, 20), (4999, 5000)]
)
def test_the_upper_edge_is_a_round_number(value: float, top: float) -> None:
    assert ceiling(value) == top


def test_the_bars_fill_the_chart() -> None:
    drawn = chart("read", [None, 0, 5, 10, 2])
    assert (drawn.top, drawn.largest, drawn.now) == (10, 10, 10)
    assert [(bar.x, bar.y, bar.height) for bar in drawn.bars] == [
        (WIDTH * 2 / 5, HEIGHT / 2, HEIGHT / 2),
        (WIDTH * 3 / 5, 0, HEIGHT),
        (WIDTH * 4 / 5, HEIGHT * 0.8, HEIGHT * 0.2),
    ]


def test_a_chart_of_nothing_has_no_bar() -> None:
    for values in ([], [None], [None, 0.0]):
        assert chart("read", values).bars == []
        assert chart("read", values).now == 0


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (3.25, "3.2"), (3.0, "3"), (12.6, "13"), (1_027.0, "1,027")])
def test_a_number_has_no_more_digits_than_say_something(value: float, text: str) -> None:
    assert number(value) == text


def test_what_stands_between_backquotes_is_code_and_nothing_else_is_markup() -> None:
    assert coded("run `notifier <x>` & <b>") == "run <code>notifier &lt;x&gt;</code> &amp; &lt;b&gt;"
