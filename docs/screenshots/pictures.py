"""Which pages are drawn, in which sizes and colours, and who looks at them."""

import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from docs.screenshots.sample import LEFT, Sample
from web.console.access.role import User
from web.console.app import Console

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).parents[1] / "images"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = ((1280, 800), (390, 844))
MOST_HEIGHT = 1800
"""Pixels of a picture from the top of the page. What is below is left out: it looks as what is above."""

PNGQUANT = shutil.which("pngquant")
"""Reduces the colours of a picture to 256: the file has a third of the size then."""

_NOT_DRAWN = {"redrive", "rewind"}
"""Pages of one form, which are tried in the tests only."""


def addresses(console: Console, sample: Sample) -> Mapping[str, str]:
    """Return the address of each page, and of one notification that failed and one of unknown outcome, by name."""
    found = {each.name: each.path for each in console.pages if each.order}
    return found | {
        "notification": f"/notifications/{sample.failed}",
        "unknown": f"/notifications/{sample.held}",
        "shards": "/shards?finished=show",
        "erase": "/erase",
        "rewind": f"/shards/rewind?shard={LEFT}",
        "redrive": "/notifications/all/redrive?because=blacklisted",
        "login": "/login",
    }


def draw(
    browser: "Browser", url: str, console: Console, sample: Sample, user: User, names: Collection[str] = ()
) -> Iterator[Path]:
    """Write a picture of each page in each size and scheme, as the user sees it. Yield its path.

    With `names`, only of these pages.
    """
    token, _ = console.authentication.sessions.open(user)
    for scheme in SCHEMES:
        for width, height in SIZES:
            context = browser.new_context(
                base_url=url, viewport={"width": width, "height": height}, color_scheme=scheme
            )
            for name, address in addresses(console, sample).items():
                if name in _NOT_DRAWN or (names and name not in names):
                    continue
                context.clear_cookies()
                if name != "login":
                    context.add_cookies([{"name": console.authentication.cookie.name, "value": token, "url": url}])
                page = context.new_page()
                page.goto(address)
                path = FOLDER / f"console-{name}-{scheme}-{width}.png"
                _draw(page, path, width)
                page.close()
                yield path
            context.close()


def _draw(page: "Page", path: Path, width: int) -> None:
    """Draw the page once its parts that load later are there."""
    page.wait_for_load_state("networkidle")
    height = min(MOST_HEIGHT, int(page.evaluate("document.documentElement.scrollHeight")))
    area = {"x": 0, "y": 0, "width": width, "height": height}
    page.screenshot(path=path, full_page=True, clip=area, animations="disabled", caret="hide")  # type: ignore[arg-type]
    if PNGQUANT:
        subprocess.run([PNGQUANT, "--force", "--output", path, "--speed", "1", path], check=True)
