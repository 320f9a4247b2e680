"""Writes the pages that are generated from the code, those of `PAGES`. `make docs` runs it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from docs.cli import cli_page
from docs.dashboards import dashboards
from docs.errors import errors_page
from docs.metrics import metrics_page
from docs.reference import reference_page
from docs.stability import stability_page
from notifier.notifications import TRANSITIONS, Status
from notifier.settings import (
    ConsoleSettings,
    DatabaseSettings,
    LogSettings,
    PreferencesSettings,
    RoleSettings,
    Settings,
)

FOLDER = Path(__file__).parent
DASHBOARDS = FOLDER.parent / "deploy/grafana"


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "All settings, as environment variables. Those of the AWS SDK (`AWS_REGION`, ...) work as usual.",
        "This page is generated: `make docs`.",
        "",
        *_table(Settings),
        "",
        "For `notifier console` only, which also uses those of the database, of the log and of the actor:",
        "",
        *_table(ConsoleSettings, without=(DatabaseSettings, LogSettings)),
        "",
        "For `notifier preferences` only, which also uses those of links, recipients, the database and the log:",
        "",
        *_table(PreferencesSettings, without=(Settings,)),
        "",
        "For `notifier migrate --roles` only. A role whose password is set may log in:",
        "",
        *_table(RoleSettings),
    ]
    return "\n".join(lines) + "\n"


def _table(settings: type[BaseSettings], without: Iterable[type[BaseSettings]] = ()) -> Iterator[str]:
    elsewhere = {name for each in without for name in each.model_fields}
    yield from ("| variable | default | meaning |", "|---|---|---|")
    for name, field in settings.model_fields.items():
        if name in elsewhere:
            continue
        default = "**required**" if field.default is PydanticUndefined else _shown(field.default)
        yield f"| `NOTIFIER_{name.upper()}` | {default} | {field.description} |"


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


def _shown(default: object) -> str:
    return "" if str(default) in ("", "()") else f"`{default}`"


if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
    for name, text in dashboards().items():
        (DASHBOARDS / f"{name}.json").write_text(text)
