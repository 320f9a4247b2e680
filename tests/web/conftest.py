"""An application that listens on a port, and one browser for the session: Playwright runs once in a process.

Without Chromium the tests that ask for it are skipped.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette

from docs.screenshots.serving import CHROMIUM, chromium, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def served(app: Starlette) -> Iterator[str]:
    """The address of the application `app`, which listens."""
    with serving(app) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    if not CHROMIUM:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    with chromium() as started:
        yield started
