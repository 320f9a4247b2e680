"""Generates the dashboards of Grafana in deploy/grafana/ from `notifier.metrics.names`. `make docs` writes them.

Each metric has a panel, whose query follows from its type and from who serves it, and whose description is its help
text. Import a file in Grafana, or put the folder under its provisioning; the data source and the channels are chosen
on the page.
"""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from notifier.metrics.family import Family, Kind, Source
from notifier.metrics.names import FAMILIES

_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_WIDTH, _HEIGHT = 8, 8  # Grafana's grid has 24 columns
_QUANTILES = (0.5, 0.99)
_RATES = ("notifier_rate_",)  # of a channel: each worker knows the whole


class Board(NamedTuple):
    """A dashboard: its title, what it is for, and the metrics of each row by the beginning of their names."""

    title: str
    description: str
    rows: Mapping[str, tuple[str, ...]]


BOARDS = {
    "notifier-delivery": Board(
        "Notifier: from the stream to the provider",
        "Is everything read, sent and settled? What is the same in all bridges.",
        {
            "Waiting and sent": (
                "notifier_outbox_backlog",
                "notifier_outbox_oldest",
                "notifier_outbox_sending",
                "notifier_outbox_deliveries",
                "notifier_outbox_route_errors",
                "notifier_outbox_due",
                "notifier_channel_running",
            ),
            "Stream": ("notifier_stream_", "notifier_table_", "notifier_shards_"),
            "Lost, doubled, put aside": (
                "notifier_gaps",
                "notifier_duplicates",
                "notifier_quarantine",
                "notifier_feedback_dead",
                "notifier_feedback_unmatched",
            ),
            "Events of the provider": ("notifier_feedback_",),
            "Status updates": ("notifier_status_updates",),
            "Days": ("notifier_days_", "notifier_database_up"),
        },
    ),
    "notifier-processes": Board(
        "Notifier: processes",
        "Is there enough of each process, and what does it spend its time on?",
        {
            "Health": ("notifier_ready", "notifier_healthy", "notifier_info"),
            "Workers": (
                "notifier_deliveries",
                "notifier_outcomes",
                "notifier_route_errors",
                "notifier_messages",
                "notifier_unit",
                "notifier_step",
                "notifier_in_progress",
                "notifier_build",
                "notifier_database_retries",
            ),
            "Rate and receivers": ("notifier_rate_", "notifier_receiver"),
            "Bridges": ("notifier_publishes", "notifier_outbox_full"),
            "Status sender": ("notifier_status_sender_",),
            "All else": ("notifier_",),
        },
    ),
}
"""The dashboards by the names of their files. A metric is in the first row that has it, of the first dashboard."""


def dashboards() -> Mapping[str, str]:
    """Return the text of each dashboard's file by its name."""
    left = list(FAMILIES)
    found = {}
    for uid, board in BOARDS.items():
        builder = _empty(uid, board)
        for title, beginnings in board.rows.items():
            here = [each for each in left if each.name.startswith(beginnings)]
            left = [each for each in left if each not in here]
            if here:
                builder.with_row(dashboard.Row(title))
            for each in here:
                builder.with_panel(_panel(each))
        found[uid] = json.dumps(builder.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
    return found


def _empty(uid: str, board: Board) -> dashboard.Dashboard:
    channels = (
        dashboard.QueryVariable("channel")
        .label("Channel")
        .datasource(_SOURCE)
        .query("label_values(notifier_channel_running, channel)")
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
    )
    return (
        dashboard.Dashboard(board.title)
        .uid(uid)
        .description(board.description)
        .tags(["notifier"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(channels)
    )


def _panel(family: Family) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(family.name.removeprefix("notifier_").replace("_", " "))
        .description(f"{family.help} ({family.shown})")
        .datasource(_SOURCE)
        .unit(_unit(family))
        .min(0)
        .span(_WIDTH)
        .height(_HEIGHT)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
    )
    for legend, expression in queries(family):
        panel.with_target(prometheus.Dataquery().expr(expression).legend_format(legend).datasource(_SOURCE))
    return panel


def _unit(family: Family) -> str:
    if family.kind is Kind.COUNTER:
        return "ops"  # a rate, in each second
    return "s" if family.name.endswith("_seconds") else "short"


def queries(family: Family) -> Iterator[tuple[str, str]]:
    """Yield each query of a metric with its legend.

    What several processes serve is aggregated as `Source` says: the largest of what all bridges read in the database,
    the sum of what processes count themselves.
    """
    chosen = '{channel=~"$channel"}' if "channel" in family.labels else ""
    legend = " ".join("{{" + label + "}}" for label in family.labels) or family.name
    if family.kind is Kind.HISTOGRAM:
        by = ", ".join(("le", *family.labels))
        for quantile in _QUANTILES:
            rate = f"sum by ({by}) (rate({family.name}_bucket{chosen}[$__rate_interval]))"
            yield f"{quantile:.0%} {legend}", f"histogram_quantile({quantile}, {rate})"
        return
    over = _over(family)
    by = f" by ({', '.join(family.labels)})" if family.labels else ""
    metric = f"{family.shown}{chosen}"
    if family.name in {"notifier_ready", "notifier_healthy"}:
        yield "{{job}} {{instance}}", metric
    elif family.kind is Kind.COUNTER:
        yield legend, f"{over}{by} (rate({metric}[$__rate_interval]))"
    else:
        yield legend, f"{over}{by} ({metric})"


def _over(family: Family) -> str:
    """Return the operator that aggregates what several processes serve."""
    if family.source is Source.DATABASE:
        return "max"
    if family.kind is Kind.COUNTER or family.source is Source.ALL:
        return "sum"
    if family.source is Source.FEEDBACK:
        return "min"
    return "max" if family.source is Source.BRIDGE or family.name.startswith(_RATES) else "sum"
