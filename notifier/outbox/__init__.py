"""The outbox: every SQL statement on notifications and their deliveries, one method per transition.

Each method is one transaction. What must not happen is refused by the statement itself, which names the status it
comes from; a method answers with the rows that it changed.
"""

from notifier.outbox.acknowledging import Acknowledging
from notifier.outbox.attempts import LARGE, UNKNOWN_AFTER_SECONDS, Attempts, Beginning, Begun, Wanted, Work
from notifier.outbox.changes import Change
from notifier.outbox.channels import Channels, ChannelState
from notifier.outbox.claims import expire
from notifier.outbox.counts import ROUTE_ERROR, DeliveryCounts, Kind
from notifier.outbox.discovery import Discovery, TableDiscovery
from notifier.outbox.gauges import Gauges, read_gauges
from notifier.outbox.horizon import Horizon
from notifier.outbox.intake import Intake
from notifier.outbox.journal import ACTIONS, Journal, Operated
from notifier.outbox.letting_go import LettingGo
from notifier.outbox.operations import Operations, Selection
from notifier.outbox.pages import NewNotification, Page, Quarantined, Recorded, ShardLease
from notifier.outbox.partitions import Partitions
from notifier.outbox.publications import Publication, Publications
from notifier.outbox.rates import RateLimits
from notifier.outbox.reading import OpenRewinds, Reading, TableLag, TableRecords, WaitingStream
from notifier.outbox.report import Report
from notifier.outbox.retention import OldDay, Retained, Retention
from notifier.outbox.rewinding import Rewinding, Target
from notifier.outbox.rewinds import Corrected, Reread, Rewind, Rewinds
from notifier.outbox.settlement import Settled, Settlement
from notifier.outbox.suppressions import Suppressions
from notifier.outbox.suspects import SuspectBuild, Suspects
from notifier.outbox.unknowns import Decision, Unknown, Unknowns, Verdict

__all__ = [
    "ACTIONS",
    "LARGE",
    "ROUTE_ERROR",
    "UNKNOWN_AFTER_SECONDS",
    "Acknowledging",
    "Attempts",
    "Beginning",
    "Begun",
    "Change",
    "ChannelState",
    "Channels",
    "Corrected",
    "Decision",
    "DeliveryCounts",
    "Discovery",
    "Gauges",
    "Horizon",
    "Intake",
    "Journal",
    "Kind",
    "LettingGo",
    "NewNotification",
    "OldDay",
    "OpenRewinds",
    "Operated",
    "Operations",
    "Page",
    "Partitions",
    "Publication",
    "Publications",
    "Quarantined",
    "RateLimits",
    "Reading",
    "Recorded",
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
    "Unknown",
    "Unknowns",
    "Verdict",
    "WaitingStream",
    "Wanted",
    "Work",
    "expire",
    "read_gauges",
]
