"""What `notifier up` prints of its processes' logs."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

from notifier import route
from notifier.routes import Routes, routes_of
from notifier.settings import unknown_variables
from sandbox.up.loop import _without, entry, page_rows, routes_row
from sandbox.up.pages import PREFERENCES, OpenPage


def test_the_warning_of_an_unknown_variable_is_not_repeated_for_each_process() -> None:
    unknown = unknown_variables({"NOTIFIER_UNITSIZE": "1"})
    warning = unknown["NOTIFIER_UNITSIZE"]
    lines = [f"bridge: [warning  ] {warning}", f"worker: [warning  ] {warning}", "worker: [error    ] no broker"]
    assert list(_without(unknown, lines)) == ["worker: [error    ] no broker"]


def test_a_failure_of_a_route_is_not_printed_a_second_time_from_the_log() -> None:
    text = "worker: 2026-11-29T08:42:34.399600Z [warning  ] route failed                   error=KeyError"
    json = 'worker: {"error": "KeyError", "event": "route failed", "level": "warning"}'
    assert list(_without({}, [text, json, "worker: [error    ] no broker"])) == ["worker: [error    ] no broker"]


def test_the_first_line_names_the_routes_and_their_file() -> None:
    routes = Routes(
        (each for n in range(10) for each in routes_of(_route(f"r{n}"))), source=Path("/mine/notifications.py")
    )
    named = "r0, r1, r2, r3, r4, r5, r6, r7 and 2 more"
    assert routes_row(routes, {"NOTIFIER_ROUTES": "notifications"}) == (
        "routes",
        f"notifications (/mine/notifications.py): {named}",
    )
    assert routes_row(routes, {})[1] == (
        f"examples.notifications (/mine/notifications.py): {named}; "
        "these are the example's: set NOTIFIER_ROUTES for your own"
    )


def test_the_page_that_needs_a_link_says_so() -> None:
    page = OpenPage("preferences", "http://127.0.0.1:1", Mock(), PREFERENCES.note)
    assert ("preferences", "http://127.0.0.1:1 (opened by a link in a mail)") in page_rows([page])


def _route(name: str) -> Any:
    return route(table="activity", channel="email", name=name)(lambda _: None)


def test_a_line_of_a_log_fits_the_terminal_and_repeats_nothing() -> None:
    line = (
        "worker: 2026-11-29T08:42:34.399600Z [warning  ] unit given back                error=KeyError "
        "notification=01a22678-2610-88c6-a270-b6fdf9ca64fa process=worker route=friend_request"
    )
    assert entry(line, "08:42:35", 80).splitlines() == [
        "08:42:35 worker: warning: unit given back error=KeyError",
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
