"""The shorter times change no alarm's meaning."""

from itertools import pairwise

import pytest
import yaml

from docs.metrics import ALARMS
from tests.alarms.scaling import scaled, scaled_expression, seconds, without_times

BEFORE = yaml.safe_load(ALARMS.read_text())
RULES = [rule for group in BEFORE["groups"] for rule in group["rules"]]
SCALED = {rule["alert"]: rule for group in scaled(BEFORE)["groups"] for rule in group["rules"]}
NO_TIMES = {"expr", "for"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_only_times_change(rule: dict[str, object]) -> None:
    shorter = SCALED[str(rule["alert"])]
    assert shorter.keys() == rule.keys()
    assert {name: shorter[name] for name in shorter.keys() - NO_TIMES} == {
        name: rule[name] for name in rule.keys() - NO_TIMES
    }
    assert without_times(shorter["expr"]) == without_times(str(rule["expr"]))


def test_the_rules_themselves_stay() -> None:
    assert yaml.safe_load(ALARMS.read_text()) == BEFORE


def test_a_longer_time_is_never_the_shorter_one() -> None:
    waits = sorted({seconds(rule["for"]) for rule in RULES if "for" in rule})
    becomes = {seconds(rule["for"]): seconds(SCALED[rule["alert"]]["for"]) for rule in RULES if "for" in rule}
    assert all(0 < becomes[one] <= becomes[other] for one, other in pairwise(waits))
    assert becomes[waits[0]] == 10 < becomes[waits[-1]] == 20


def test_windows_and_offsets_change_alike() -> None:
    assert scaled_expression("a unless a offset 10m") == "a unless a offset 30s"
    assert scaled_expression("increase(a[1d]) > 0") == "increase(a[360s]) > 0"


def test_ages_change_and_other_numbers_do_not() -> None:
    assert scaled_expression("max(notifier_stream_lag_seconds) > 21600") == "max(notifier_stream_lag_seconds) > 90"
    assert scaled_expression("max(a_seconds) > 60 and b > 0.05") == "max(a_seconds) > 25 and b > 0.05"
    assert scaled_expression("max by (table) (notifier_table_rewinds) > 3600").endswith("> 3600")


def test_every_age_of_the_rules_is_found() -> None:
    """An age that stays in its full length would make a test wait for an hour."""
    compared = [rule["expr"] for rule in RULES if "_seconds)" in rule["expr"]]
    assert compared
    assert all("AGE" in without_times(expression) for expression in compared)
