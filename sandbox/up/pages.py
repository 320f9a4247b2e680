"""Processes of `notifier up` with a page for the browser, beside the inbox. To add one, add it to PAGES."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from sandbox.embedded.processes import Child
from sandbox.system import UNSUBSCRIBE_KEY, System, clean_environment


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its process is `python -P -m MODULE ARGUMENTS`, with these `variables` beside those of the system.

    `{port}` in an argument or a variable is the port on which it shall listen; `{folder}` in an argument is that of
    the logs. Without `needs`, a package of the extra of the page's name, the page is left out. `note` is printed
    behind its address.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    needs: str
    variables: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def is_installed(self) -> bool:
        return find_spec(self.needs) is not None


PREFERENCES = Page(
    "preferences",
    "notifier",
    ("preferences",),
    "starlette",
    {"NOTIFIER_PREFERENCES_ADDRESS": "127.0.0.1", "NOTIFIER_PREFERENCES_PORT": "{port}"},
    note=" (opened by a link in a mail)",
)
PAGES = (
    Page(
        "console",
        "notifier",
        ("console",),
        "authlib",
        {"NOTIFIER_CONSOLE_ADDRESS": "127.0.0.1", "NOTIFIER_CONSOLE_PORT": "{port}", "NOTIFIER_CONSOLE_URL": ""},
    ),
    Page(
        "flower",
        "celery",
        # Celery puts its working folder first on the path: that of the user may have a package `workers`.
        (
            "--workdir={folder}",
            "-A",
            "workers.app",
            "flower",
            "--address=127.0.0.1",
            "--port={port}",
            "--purge_offline_workers=10",
        ),
        "flower",
    ),
    PREFERENCES,
)


@dataclass(frozen=True, slots=True)
class OpenPage:
    """A page whose process was started. It may need seconds before it answers."""

    name: str
    url: str
    process: Child
    note: str = ""


def link_options(port: Callable[[str], int]) -> dict[str, str]:
    """Return the variables of links to unsubscribe, which lead to the page on its port; none if it is missing."""
    if not PREFERENCES.is_installed:
        return {}
    return {
        "NOTIFIER_UNSUBSCRIBE_URL": f"http://127.0.0.1:{port(PREFERENCES.name)}",
        "NOTIFIER_UNSUBSCRIBE_KEYS": UNSUBSCRIBE_KEY,
    }


def open_pages(system: System, port: Callable[[str], int]) -> list[OpenPage]:
    """Start the process of each page that is installed. `port` returns the port of a name."""
    return [_opened(page, system, port(page.name)) for page in PAGES if page.is_installed]


def _opened(page: Page, system: System, port: int) -> OpenPage:
    words: list[str | Path] = [sys.executable, "-P", "-m", page.module]
    words += [each.format(port=port, folder=system.folder) for each in page.arguments]
    others = {name: value for name, value in clean_environment().items() if not name.upper().startswith("FLOWER_")}
    given = {name: value.format(port=port) for name, value in page.variables.items()}
    environment = {**others, **system.environment, **given}
    child = Child(page.name, words, log=system.folder / f"{page.name}.log", env=environment)
    return OpenPage(page.name, f"http://127.0.0.1:{port}", system.processes.enter_context(child), page.note)
