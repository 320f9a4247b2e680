"""What `notifier up` prints of its processes' logs."""

from notifier.settings import unknown_variables
from sandbox.up.loop import _without, entry


def test_the_warning_of_an_unknown_variable_is_not_repeated_for_each_process() -> None:
    unknown = unknown_variables({"NOTIFIER_UNITSIZE": "1"})
    warning = unknown["NOTIFIER_UNITSIZE"]
    lines = [f"bridge: [warning  ] {warning}", f"worker: [warning  ] {warning}", "worker: [error    ] no broker"]
    assert list(_without(unknown, lines)) == ["worker: [error    ] no broker"]


def test_a_line_of_a_log_fits_the_terminal_and_repeats_nothing() -> None:
    line = (
        "worker: 2026-11-29T08:42:34.399600Z [warning  ] route failed                   error=KeyError "
        "notification=01a22678-2610-88c6-a270-b6fdf9ca64fa process=worker route=friend_request"
    )
    assert entry(line, "08:42:35", 80).splitlines() == [
        "08:42:35 worker: warning: route failed error=KeyError",
        "         notification=01a22678-2610-88c6-a270-b6fdf9ca64fa route=friend_request",
    ]


def test_the_command_has_a_line_of_its_own() -> None:
    line = "email hello: failed: KeyError\nsee: notifier show 01a22678-2610-88c6-a270-b6fdf9ca64fa --reveal"
    assert entry(line, "08:42:35", 80).splitlines() == [
        "08:42:35 email hello: failed: KeyError",
        "         see: notifier show 01a22678-2610-88c6-a270-b6fdf9ca64fa --reveal",
    ]


def test_a_file_gets_whole_lines() -> None:
    assert entry("x " * 100, "08:42:35", None) == f"08:42:35 {'x ' * 100}"
