"""Every alarm has a test that causes its fault for real."""

from docs.metrics import rules
from tests.alarms import test_days, test_deliveries, test_processes, test_provider, test_streams
from tests.alarms.faults import CAUSED

MODULES = (test_days, test_deliveries, test_processes, test_provider, test_streams)


def test_each_alarm_is_caused_for_real() -> None:
    alarms = {rule["alert"] for rule in rules()}
    assert CAUSED.keys() == alarms


def test_the_tests_that_cause_them_exist() -> None:
    tests = {name for module in MODULES for name in vars(module) if name.startswith("test_")}
    assert set(CAUSED.values()) <= tests
