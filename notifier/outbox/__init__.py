"""The outbox: every SQL statement on notifications and their deliveries, one method per transition.

Each method is one transaction. What must not happen is refused by the statement itself, which names the status it
comes from; a method answers with the rows that it changed.
"""

from notifier.outbox.attempts import Attempts, Begun, Change, Work
from notifier.outbox.claims import expire
from notifier.outbox.intake import Intake
from notifier.outbox.levels import Level, Levels
from notifier.outbox.pages import NewNotification, Page, Quarantined, Recorded, ShardLease
from notifier.outbox.partitions import Partitions
from notifier.outbox.publications import Publication, Publications
from notifier.outbox.report import Report

__all__ = [
    "Attempts",
    "Begun",
    "Change",
    "Intake",
    "Level",
    "Levels",
    "NewNotification",
    "Page",
    "Partitions",
    "Publication",
    "Publications",
    "Quarantined",
    "Recorded",
    "Report",
    "ShardLease",
    "Work",
    "expire",
]
