"""Pages as a person sees them: a database with some of everything, and a browser that reports what went wrong."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from docs.screenshots.sample import Sample, fill
from tests.web.console.browser.visitor import Opener
from web.console.app import Console


@pytest.fixture
def sample(engine: Engine) -> Sample:
    """A database in which some of everything went wrong."""
    return fill(engine)


@pytest.fixture
def opener(request: pytest.FixtureRequest, served: str, console: Console) -> Iterator[Opener]:
    """Opens pages. What the browser complains of fails the test: errors, refused scripts, requests to other hosts."""
    opener = Opener(request.getfixturevalue("browser"), served, console)
    yield opener
    opener.close()
    assert opener.complaints == []
