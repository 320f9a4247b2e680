"""The rules of the alarms with shorter times, so that a test sees them fire within seconds.

Only times change, each by a function that keeps their order: a longer time never becomes shorter than another one.

| time | becomes |
|---|---|
| `for:` | a 240th of it, at least 10 and at most 20 seconds |
| a window as `[10m]`, and `offset 10m` | a 240th, at least 30 seconds: workers add up their counts every 5 seconds |
| an age, as `notifier_stream_lag_seconds > 3600` | a 240th, at least 25 seconds: shards are listed every 15 |

A rule without `for:` stays without. Metrics, labels, operators and all other numbers stay as they are.
"""

import copy
import re
from collections.abc import Mapping
from typing import Any

FACTOR = 240
SHORTEST_FOR, LONGEST_FOR = 10, 20
SHORTEST_WINDOW, LEAST_AGE = 30, 25
_UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_WINDOW = re.compile(r"(?<=\[)\d+[smhd](?=\])|(?<=offset )\d+[smhd]\b")
_AGE = re.compile(r"(?<=_seconds\) > )\d+\b")


def scaled(rules: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a rule file with shorter times. Pure."""
    changed: dict[str, Any] = copy.deepcopy(dict(rules))
    for group in changed["groups"]:
        for rule in group["rules"]:
            rule["expr"] = scaled_expression(rule["expr"])
            if "for" in rule:
                rule["for"] = f"{_scaled(seconds(rule['for']), SHORTEST_FOR, LONGEST_FOR)}s"
    return changed


def scaled_expression(expression: str) -> str:
    """Return a query with shorter windows and ages. Pure."""
    shorter = _WINDOW.sub(lambda found: f"{_scaled(seconds(found[0]), SHORTEST_WINDOW)}s", expression)
    return _AGE.sub(lambda found: str(_scaled(int(found[0]), LEAST_AGE)), shorter)


def without_times(expression: str) -> str:
    """Return a query with a word in the place of each time that scaling may change. Pure."""
    return _AGE.sub("AGE", _WINDOW.sub("WINDOW", expression))


def seconds(duration: str) -> int:
    """Return the seconds of a duration as Prometheus writes it, of one unit: `10m`."""
    return int(duration[:-1]) * _UNITS[duration[-1]]


def _scaled(time: int, least: int, most: int | None = None) -> int:
    longer = max(least, time // FACTOR)
    return longer if most is None else min(longer, most)
