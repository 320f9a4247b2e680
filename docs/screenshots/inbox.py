"""Pictures of the inbox: `python -m docs.screenshots.inbox` runs a small demo and writes docs/images/inbox-*.png."""

import tempfile
from pathlib import Path

from docs.screenshots.pictures import FOLDER, SCHEMES
from docs.screenshots.serving import chromium
from sandbox.demo.demo import run_demo
from sandbox.system import running_servers

EVENTS = 12
WIDTH, HEIGHT = 1280, 720


def main() -> None:
    """Draw the inbox with its newest mail open, in each colour scheme."""
    with tempfile.TemporaryDirectory(prefix="notifier-logs-") as folder, running_servers(Path(folder)) as system:
        run_demo(system, EVENTS, lambda _what, _count: None)
        with chromium() as browser:
            for scheme in SCHEMES:
                size = {"width": WIDTH, "height": HEIGHT}
                page = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
                page.goto(system.ses.url)
                page.locator(".row").first.click()
                page.wait_for_load_state("networkidle")
                page.screenshot(path=FOLDER / f"inbox-{scheme}-{WIDTH}.png", animations="disabled", caret="hide")
                page.close()


if __name__ == "__main__":
    main()
