"""Generates the page of metrics and health from `notifier.metrics.names` and the alarms. `make docs` writes it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from notifier.metrics.family import Family, Kind, Source
from notifier.metrics.names import FAMILIES

ALARMS = Path(__file__).parents[1] / "deploy/prometheus/alarms.yml"

_HEAD = """\
# Metrics and health

The metrics, health checks and dashboards of all processes. This page is generated: `make docs`. The names, help
texts and labels are those of `notifier/metrics/names/`; a test starts each process and compares what it serves with
them.

With `NOTIFIER_METRICS_PORT` a bridge, a worker, a feedback process or a status sender serves over HTTP:

| path | answers |
|---|---|
| `/metrics` | metrics as Prometheus reads them; also `process_*` and `python_*` of its client |
| `/healthz` | 200 while the process makes progress, 503 when only a restart helps |
| `/readyz` | 200 while it can do its work, 503 with the reason when it cannot |

It listens on loopback unless `NOTIFIER_METRICS_ADDRESS` says otherwise, and asks for no password. Each process of
a machine needs a port of its own. If the port is taken, the process logs a warning, does its work without it,
and tries the port again every ten seconds: the process before it may still be ending. `notifier up` gives its
processes the port and those after it.

## Health

Both answers are JSON: `ok`, and `checks` with `ok` or one line of trouble for each. `notifier health` needs no
port, and uses the same heartbeat: it fails where `/healthz` does, and also while nothing can be recorded.

| process | `/healthz` | `/readyz` also |
|---|---|---|
| bridge | the main loop has made progress within 30 seconds; no thread has ended or hangs | Postgres answers and \
takes writes; Redis answers; shards can be listed; records could be recorded within 30 seconds |
| worker | the same; the main loop runs; no delivery is without progress for ten minutes | Postgres and Redis \
as above; Celery's consumer is registered; outcomes could be recorded |
| feedback | the same; each receiver has begun a round within a minute | Postgres as above; SQS answered last; \
events could be recorded |
| status-sender | the same as a bridge | Postgres as above; a destination accepted something when it was last asked; \
results could be recorded |

While a server does not answer, the process is not ready, but healthy: it waits, and a restart would not help.
Only a Postgres that keeps its connections open and answers nothing looks like a thread that hangs: to a bridge after
half a minute, to a feedback process after a minute. Give liveness checks more patience than a failover takes: those
of `deploy/` have 150 seconds.
Servers are asked every two seconds over connections of their own; an answer that takes longer than five seconds
counts as no answer. A request for `/readyz` does not wait for them. A parked or paused channel makes no process
unready. From SIGTERM on, `/readyz` answers 503 at once, and `/healthz` 200 until the process has ended.

In Kubernetes: `livenessProbe` to `/healthz`, `readinessProbe` to `/readyz`, and NOTIFIER_METRICS_ADDRESS=0.0.0.0.
On ECS the health check of a container asks `/healthz`: a task that fails it is replaced. Compose restarts nothing for
it, and uses `notifier health`.

## Dashboards

[notifier-delivery.json](../deploy/grafana/notifier-delivery.json) and
[notifier-processes.json](../deploy/grafana/notifier-processes.json) are for Grafana 11 and later: import them, or put
the folder under its provisioning. Each metric of this page has a panel there, with its meaning; the data source and
the channels are chosen on the page. They are generated from the same names: `make docs`.

## What is counted where

- Metrics of the database are the same in all bridges: aggregate with `max`. A bridge reads them at each scrape.
- A worker counts what it does itself: aggregate with `sum`. It counts for a whole unit at once, and nothing where
  NOTIFIER_METRICS_PORT is not set. A worker without messages of a channel serves no samples of that channel.
- The processes of isolated builds (`notifier_build_losses_total`) serve nothing: the worker that uses them counts
  their builds and deaths. Only `notifier worker`, whose pool are threads, serves metrics: under another Celery
  command, or in the children of a prefork pool, nothing is served.
- Deliveries of all workers (`notifier_outbox_deliveries_total`) are added up in the database every five seconds.
  The last seconds of a killed worker are missing. They count what workers did: what a provider's events or
  an operator changed later shows in `notifier_feedback_events_total` and in `notifier operations`.
- What it costs a worker: less than 0.4 µs a message in units of 500, and up to 45 µs for a unit of one message, on a
  busy machine (`python -m bench.metrics_cost`, by turns with and without).
- Labels hold names of channels, routes, tables, statuses and kinds of things: never an id, a recipient or a text
  of a provider. A route that a worker has not loaded is `(not loaded)`, so that there are no more labels than
  routes.
- A counter of deliveries begins with 0 for each route of a channel, once its first message has come: `increase()`
  does not see the first value of a counter. The sums of all workers show 0 of `sent`, of `failed` and of a route's
  errors from the route's first delivery on.
- Retries are `notifier_deliveries_total{status="pending"}`; the rate of now is that of `notifier_outcomes_total`.
- The delay of provider events is by two clocks, the provider's and this machine's; no decision depends on it.
"""

_TITLES = {
    Source.DATABASE: "Of the database, served by bridges",
    Source.BRIDGE: "Of a bridge",
    Source.WORKER: "Of a worker",
    Source.FEEDBACK: "Of a feedback process",
    Source.STATUS_SENDER: "Of a status sender",
    Source.ALL: "Of every process",
}


def metrics_page() -> str:
    """Return the page."""
    alarms = _alarms()
    lines = [_HEAD]
    for source, title in _TITLES.items():
        lines += [f"## {title}", "", f"Served by: {source.value}.", ""]
        lines += _table([each for each in FAMILIES if each.source is source], alarms)
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _table(families: list[Family], alarms: dict[str, list[str]]) -> Iterator[str]:
    yield from ("| metric | type | meaning | alarms |", "|---|---|---|---|")
    for each in families:
        labels = f"{{{','.join(each.labels)}}}" if each.labels else ""
        linked = ", ".join(f"[{name}](alarms.md#{name.lower()})" for name in alarms.get(each.name, ()))
        yield f"| `{each.shown}{labels}` | {each.kind.value} | {each.help} | {linked} |"


def _alarms() -> dict[str, list[str]]:
    """Return the names of the alarms by the family that they query."""
    families = {shown: each.name for each in FAMILIES for shown in _queried(each)}
    found: dict[str, list[str]] = {}
    for rule in rules():
        for name in dict.fromkeys(families[each] for each in re.findall(r"\bnotifier_\w+", rule["expr"])):
            found.setdefault(name, []).append(rule["alert"])
    return found


def _queried(family: Family) -> list[str]:
    if family.kind is Kind.HISTOGRAM:
        return [f"{family.name}_{each}" for each in ("bucket", "count", "sum")]
    return [family.shown]


def rules() -> list[dict[str, Any]]:
    """Return the rules of the alarms."""
    groups = yaml.safe_load(ALARMS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]
