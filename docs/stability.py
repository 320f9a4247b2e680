"""Generates the page of what is stable, from the code. `make docs` writes it."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

import notifier
from notifier import testing

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
GROUPS = {
    "notifier.channels": "a way to reach people: [channels.md](channels.md)",
    "notifier.commands": "a command of `notifier`",
}
"""The groups of entry points that other packages may use, and what an entry in them is."""

_PAGE = """\
# What is stable

What is listed here keeps its name and its meaning until the next major version; before 1.0 until the next minor one
(0.x). What goes is first marked as deprecated for one minor version, with a warning that says what to use instead,
and [CHANGELOG.md](../CHANGELOG.md) names it. Additions may come in any version: an option with a default, a member of
a JSON document, a metric, a state.

Everything else may change in any version: modules that are not named here, tables and their columns, keys and
messages in Redis, texts of logs and of messages for people, the pages of the console, the simulators. This page is
generated from the code: `make docs`.

## For routes: `notifier`

Their options and fields are in [reference.md](reference.md).

{names}

## For tests: `notifier.testing`

{testing}

## Entry points and extras

{groups}

Extras of the package:

{extras}

## Settings, commands, metrics

- All variables of [settings.md](settings.md).
- All commands of [cli.md](cli.md): names, options and exit codes, and what `--json` prints: one line, whose members
  keep name and type. Tables for people are not for programs.
- All metrics of [metrics.md](metrics.md): names, types, units and labels, and the paths `/metrics`, `/healthz` and
  `/readyz`; the names of the alarms, and their labels.
- The states of [states.md](states.md) and the errors of [errors.md](errors.md) that `notifier.errors` has.

## Documents for other systems

Status updates ([status-updates.md](status-updates.md)), signed webhooks ([channels.md](channels.md)), and the
addresses behind links to unsubscribe ([unsubscribe.md](unsubscribe.md)) for as long as a mail may lie in a mailbox.
"""


def stability_page() -> str:
    """Return the page."""
    extras = PROJECT["optional-dependencies"].keys() - {"bench", "dev"}
    return _PAGE.format(
        names=_listed(notifier.__all__),
        testing=_listed(testing.__all__),
        groups=_listed(f"`{group}`: {meaning}" for group, meaning in GROUPS.items()),
        extras=_listed(extras),
    )


def _listed(names: Iterable[str]) -> str:
    return "\n".join(f"- {name}" if "`" in name else f"- `{name}`" for name in sorted(names))
