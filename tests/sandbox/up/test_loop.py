"""What `notifier up` prints of its processes' logs."""

from notifier.settings import unknown_variables
from sandbox.up.loop import _without


def test_the_warning_of_an_unknown_variable_is_not_repeated_for_each_process() -> None:
    unknown = unknown_variables({"NOTIFIER_UNITSIZE": "1"})
    warning = unknown["NOTIFIER_UNITSIZE"]
    lines = [f"bridge: [warning  ] {warning}", f"worker: [warning  ] {warning}", "worker: [error    ] no broker"]
    assert list(_without(unknown, lines)) == ["worker: [error    ] no broker"]
