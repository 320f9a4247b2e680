"""The outbox: every SQL statement on notifications and their deliveries, one method per transition.

Each method is one transaction. What must not happen is refused by the statement itself, which names the status it
comes from; a method answers with the rows that it changed.
"""

from notifier.outbox.delivery.attempts import (
    LARGE,
    UNKNOWN_AFTER_SECONDS,
    Attempts,
    BeginResult,
    Begun,
    DueNotification,
    Recipient,
)
from notifier.outbox.delivery.changes import Change
from notifier.outbox.delivery.channels import ChannelState, ChannelStates
from notifier.outbox.delivery.claims import end_leases
from notifier.outbox.delivery.counts import ROUTE_ERROR, CountKey, DeliveryCounts
from notifier.outbox.delivery.suspects import SuspectBuild, Suspects
from notifier.outbox.delivery.unknowns import Decision, OverdueAction, OverdueAttempt, Unknowns
from notifier.outbox.feedback.rates import RateLimits
from notifier.outbox.feedback.settlement import Settled, Settlement
from notifier.outbox.feedback.suppressions import Suppressions
from notifier.outbox.history.partitions import Partitions
from notifier.outbox.history.retention import OldDay, Retained, Retention
from notifier.outbox.operator.acknowledgements import Acknowledgements
from notifier.outbox.operator.gauges import Gauges, read_gauges
from notifier.outbox.operator.journal import ACTIONS, Journal, JournalFilter
from notifier.outbox.operator.operations import Operations, Selection
from notifier.outbox.operator.report import Report
from notifier.outbox.publishing.horizon import Horizon
from notifier.outbox.publishing.publications import Publication, Publications
from notifier.outbox.stream.discovery import Discovery, TableDiscovery
from notifier.outbox.stream.letting_go import LettingGo
from notifier.outbox.stream.pages import NewNotification, Page, Quarantined, Recorded, ShardLease
from notifier.outbox.stream.reading import OpenRewinds, Reading, TableLag, TableRecords, WaitingStream
from notifier.outbox.stream.recording import Recording
from notifier.outbox.stream.rewinding import Rewinding, Target
from notifier.outbox.stream.rewinds import Corrected, Reread, Rewind, Rewinds

__all__ = [
    "ACTIONS",
    "LARGE",
    "ROUTE_ERROR",
    "UNKNOWN_AFTER_SECONDS",
    "Acknowledgements",
    "Attempts",
    "BeginResult",
    "Begun",
    "Change",
    "ChannelState",
    "ChannelStates",
    "Corrected",
    "CountKey",
    "Decision",
    "DeliveryCounts",
    "Discovery",
    "DueNotification",
    "Gauges",
    "Horizon",
    "Journal",
    "JournalFilter",
    "LettingGo",
    "NewNotification",
    "OldDay",
    "OpenRewinds",
    "Operations",
    "OverdueAction",
    "OverdueAttempt",
    "Page",
    "Partitions",
    "Publication",
    "Publications",
    "Quarantined",
    "RateLimits",
    "Reading",
    "Recipient",
    "Recorded",
    "Recording",
    "Report",
    "Reread",
    "Retained",
    "Retention",
    "Rewind",
    "Rewinding",
    "Rewinds",
    "Selection",
    "Settled",
    "Settlement",
    "ShardLease",
    "Suppressions",
    "SuspectBuild",
    "Suspects",
    "TableDiscovery",
    "TableLag",
    "TableRecords",
    "Target",
    "Unknowns",
    "WaitingStream",
    "end_leases",
    "read_gauges",
]
