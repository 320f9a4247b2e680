"""The outbox: all SQL on notifications and their deliveries. Each transition is a method of one transaction.

    tables/       the tables, as the migrations create them
    stream/       pages of the stream are recorded; discovery and lag of the shards
    rewinds/      shards are read again
    publishing/   what the broker should hold, and how much waits
    delivery/     attempts: load, begin, finish, the end of a lease, unknown outcomes
    digests/      events that become one message
    feedback/     delivery events of the providers
    status_updates/  what the product is told of deliveries
    shadow/       what was built and not sent
    operator/     what operators read and do
    quarantine/   records in quarantine: listed, and replayed after a fix
    erasure/      people who are erased
    search/       notifications by recipient, key, status, reason, ...: pages, bounded counts
    history/      days: counted, searched, dropped
    inspection/   what `notifier doctor` reads: the server, the rights of its login, the days
    sql/          fragments that statements of several packages share
    statements.py  loads statements from `.sql` files
    days.py       limits a statement to the partitions of certain days
    records.py    stream records as JSON
    roles.py      roles of Postgres, one for each process, and their rights

A statement names the status that it changes from, so that it changes no row in any other status; the method returns
the rows that it changed.
"""

from notifier.outbox.delivery.attempt import LARGE, BeginResult, Begun, DueNotification, Recipient, ShadowMessage
from notifier.outbox.delivery.attempts import Attempts
from notifier.outbox.delivery.changes import Change, FallBack, Scheduled
from notifier.outbox.delivery.channels import ChannelState, ChannelStates
from notifier.outbox.delivery.claims import end_leases
from notifier.outbox.delivery.counts import LIMITED, MOST_COUNTERS, ROUTE_ERROR, SCHEDULED, CountKey, DeliveryCounts
from notifier.outbox.delivery.places import LimitedRecipient, OverLimit
from notifier.outbox.delivery.suspects import SuspectBuild, Suspects
from notifier.outbox.delivery.unknowns import Decision, OverdueAction, OverdueAttempt, Unknowns
from notifier.outbox.delivery.worker_statements import UNKNOWN_AFTER_SECONDS
from notifier.outbox.digests.assignment import Arrival
from notifier.outbox.digests.digests import Digests, Standing
from notifier.outbox.digests.members import Member, Members
from notifier.outbox.erasure.erasure import Erased, Erasure
from notifier.outbox.erasure.keyed import ErasureKeys
from notifier.outbox.erasure.person import Person
from notifier.outbox.feedback.opt_outs import OptOuts
from notifier.outbox.feedback.rates import LastDay, RateLimits, last_days
from notifier.outbox.feedback.settlement import Settled, Settlement
from notifier.outbox.feedback.suppressions import ALL_TOPICS, REASONS, NewSuppression, Suppressions
from notifier.outbox.history.old_days import OldDay
from notifier.outbox.history.partitions import Partitions
from notifier.outbox.history.retention import Retained, Retention
from notifier.outbox.operator.acknowledgements import Acknowledgements
from notifier.outbox.operator.gauges import Gauges, read_gauges
from notifier.outbox.operator.journal import ACTIONS, Journal, JournalFilter, shown_scope
from notifier.outbox.operator.operations import Operations
from notifier.outbox.operator.report import Report
from notifier.outbox.operator.reveals import Reveals
from notifier.outbox.operator.selection import Selection
from notifier.outbox.operator.throughput import Throughput, keep_throughput, kept_throughput, read_throughput
from notifier.outbox.publishing.due_scan import DueScan
from notifier.outbox.publishing.publications import Publication, Publications
from notifier.outbox.quarantine.quarantine import (
    Judgement,
    Quarantine,
    QuarantinedRecord,
    QuarantineSelection,
    Replayed,
)
from notifier.outbox.rewinds.pages import Rewind, RewindPage, RewindResult
from notifier.outbox.rewinds.requests import RewindRequests, RewindTarget
from notifier.outbox.rewinds.rewinds import Rewinds
from notifier.outbox.search.pages import MOST_COUNTED, Count, FailureGroup, Failures, Found
from notifier.outbox.search.search import Search
from notifier.outbox.status_updates.backlog import DestinationBacklog
from notifier.outbox.status_updates.status_updates import ClaimedUpdate, FailedUpdate, StatusUpdates
from notifier.outbox.stream.discovery import Discovery, TableDiscovery
from notifier.outbox.stream.letting_go import LettingGo
from notifier.outbox.stream.pages import NewNotification, NewPublication, Page, Quarantined, ShardLease
from notifier.outbox.stream.recording import Recording
from notifier.outbox.stream.status import OpenRewinds, StreamStatus, TableLag, TableRecords, WaitingStream

__all__ = [
    "ACTIONS",
    "ALL_TOPICS",
    "LARGE",
    "LIMITED",
    "MOST_COUNTED",
    "MOST_COUNTERS",
    "REASONS",
    "ROUTE_ERROR",
    "SCHEDULED",
    "UNKNOWN_AFTER_SECONDS",
    "Acknowledgements",
    "Arrival",
    "Attempts",
    "BeginResult",
    "Begun",
    "Change",
    "ChannelState",
    "ChannelStates",
    "ClaimedUpdate",
    "Count",
    "CountKey",
    "Decision",
    "DeliveryCounts",
    "DestinationBacklog",
    "Digests",
    "Discovery",
    "DueNotification",
    "DueScan",
    "Erased",
    "Erasure",
    "ErasureKeys",
    "FailedUpdate",
    "FailureGroup",
    "Failures",
    "FallBack",
    "Found",
    "Gauges",
    "Journal",
    "JournalFilter",
    "Judgement",
    "LastDay",
    "LettingGo",
    "LimitedRecipient",
    "Member",
    "Members",
    "NewNotification",
    "NewPublication",
    "NewSuppression",
    "OldDay",
    "OpenRewinds",
    "Operations",
    "OptOuts",
    "OverLimit",
    "OverdueAction",
    "OverdueAttempt",
    "Page",
    "Partitions",
    "Person",
    "Publication",
    "Publications",
    "Quarantine",
    "QuarantineSelection",
    "Quarantined",
    "QuarantinedRecord",
    "RateLimits",
    "Recipient",
    "Recording",
    "Replayed",
    "Report",
    "Retained",
    "Retention",
    "Reveals",
    "Rewind",
    "RewindPage",
    "RewindRequests",
    "RewindResult",
    "RewindTarget",
    "Rewinds",
    "Scheduled",
    "Search",
    "Selection",
    "Settled",
    "Settlement",
    "ShadowMessage",
    "ShardLease",
    "Standing",
    "StatusUpdates",
    "StreamStatus",
    "Suppressions",
    "SuspectBuild",
    "Suspects",
    "TableDiscovery",
    "TableLag",
    "TableRecords",
    "Throughput",
    "Unknowns",
    "WaitingStream",
    "end_leases",
    "keep_throughput",
    "kept_throughput",
    "last_days",
    "read_gauges",
    "read_throughput",
    "shown_scope",
]
