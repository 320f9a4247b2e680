"""The outbox: every SQL statement on notifications and their deliveries, one method per transition.

Each method is one transaction. What must not happen is refused by the statement itself, which names the status it
comes from; a method answers with the rows that it changed.
"""

from notifier.outbox.attempts import UNKNOWN_AFTER_SECONDS, Attempts, Beginning, Begun, Wanted, Work
from notifier.outbox.changes import Change
from notifier.outbox.channels import Channels, ChannelState
from notifier.outbox.claims import expire
from notifier.outbox.gauges import Gauges, read_gauges
from notifier.outbox.intake import Intake
from notifier.outbox.operations import Operations, Selection
from notifier.outbox.pages import NewNotification, Page, Quarantined, Recorded, ShardLease
from notifier.outbox.partitions import Partitions
from notifier.outbox.publications import Publication, Publications
from notifier.outbox.rates import RateLimits
from notifier.outbox.report import Report
from notifier.outbox.retention import OldDay, Retained, Retention
from notifier.outbox.settlement import Settled, Settlement
from notifier.outbox.suppressions import Suppressions
from notifier.outbox.unknowns import Decision, Unknown, Unknowns, Verdict

__all__ = [
    "UNKNOWN_AFTER_SECONDS",
    "Attempts",
    "Beginning",
    "Begun",
    "Change",
    "ChannelState",
    "Channels",
    "Decision",
    "Gauges",
    "Intake",
    "NewNotification",
    "OldDay",
    "Operations",
    "Page",
    "Partitions",
    "Publication",
    "Publications",
    "Quarantined",
    "RateLimits",
    "Recorded",
    "Report",
    "Retained",
    "Retention",
    "Selection",
    "Settled",
    "Settlement",
    "ShardLease",
    "Suppressions",
    "Unknown",
    "Unknowns",
    "Verdict",
    "Wanted",
    "Work",
    "expire",
    "read_gauges",
]
