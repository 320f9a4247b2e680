"""Writes the pages that are generated from the code, those of `PAGES`. `make docs` runs it."""

from pathlib import Path

from docs.cli import cli_page
from docs.dashboards import dashboards
from docs.errors import errors_page
from docs.metrics import metrics_page
from docs.reference import reference_page
from docs.settings import settings_page
from docs.stability import stability_page
from notifier.notifications import TRANSITIONS, Status

FOLDER = Path(__file__).parent
DASHBOARDS = FOLDER.parent / "deploy/grafana"


def states_page() -> str:
    lines = [
        "# States of a delivery",
        "",
        "The operations of the outbox change a status along these arrows only, as",
        "`tests/outbox/delivery/test_transitions.py` tests. This page is generated from `TRANSITIONS`: `make docs`.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> pending: recorded with the shard's checkpoint",
    ]
    lines += [f"    {source} --> {target}" for source, target in TRANSITIONS]
    ends = set(Status) - {source for source, _ in TRANSITIONS}
    lines += [f"    {status} --> [*]" for status in Status if status in ends]
    lines += ["```", "", "| from | to | by |", "|---|---|---|"]
    lines += [f"| {source} | {target} | {why} |" for (source, target), why in TRANSITIONS.items()]
    return "\n".join(lines) + "\n"


PAGES = {
    "cli.md": cli_page,
    "errors.md": errors_page,
    "metrics.md": metrics_page,
    "reference.md": reference_page,
    "settings.md": settings_page,
    "stability.md": stability_page,
    "states.md": states_page,
}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
    for name, text in dashboards().items():
        (DASHBOARDS / f"{name}.json").write_text(text)
