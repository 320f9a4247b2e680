"""Mutants: bugs that somebody could write by mistake. test_mutants.py shows that the tests find each of them.

A mutant patches the program of this process while a test runs; the program itself has no line of it.
"""

import dataclasses
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import text

from bridge.feedback import receiver
from bridge.relay import Relay
from bridge.stream import classification, intake, leases
from bridge.stream.tree import ShardTree
from notifier.notifications import Status
from notifier.outbox.delivery import attempts, claims, parameters, places, suspects, unknowns
from notifier.outbox.digests import digests, merging
from notifier.outbox.feedback import stored
from notifier.outbox.publishing import publications
from notifier.outbox.rewinds import corrections
from notifier.outbox.stream import page_statement
from notifier.outbox.stream import recording as outbox
from notifier.outcomes import NotSent, Unknown
from notifier.routes import Routes
from workers.fallback import Fallback
from workers.isolation import build_leases, isolated_builds
from workers.isolation.child import BuildNotBegun, DiedDuringBuild
from workers.sending import sender
from workers.sending.shadowing import Shadowing

Mutant = Callable[[pytest.MonkeyPatch], None]


def rewrite(patch: pytest.MonkeyPatch, module: ModuleType, name: str, old: str, new: str) -> None:
    """Replace a part of a statement that is a constant of a module."""
    statement = getattr(module, name).text
    assert old in statement, f"{module.__name__}.{name} has changed: change its mutant, too"
    patch.setattr(module, name, text(statement.replace(old, new)))


def finish_does_not_check_the_token(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, attempts, "_FINISH", "AND d.token = :token", "")


def begin_takes_attempts_of_other_tokens(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, attempts, "_BEGIN", "OR d.status = 'sending' AND d.token = :token", "OR d.status = 'sending'")


def a_request_is_sent_before_begin_is_committed(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, attempts, "_BEGIN", "status = 'sending', token = :token", "status = 'pending', token = :token")
    rewrite(patch, attempts, "_FINISH", "d.status = 'sending'", "d.status = 'pending'")


def an_ended_lease_makes_the_delivery_pending(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, claims, "_END_LEASES", "'unknown'::delivery_status", "'pending'::delivery_status")


def an_unknown_outcome_is_retried(patch: pytest.MonkeyPatch) -> None:
    after_send = sender.after_send

    def retried(due: Any, outcome: Any, *arguments: Any, **options: Any) -> Any:
        return after_send(due, NotSent("no") if isinstance(outcome, Unknown) else outcome, *arguments, **options)

    patch.setattr(sender, "after_send", retried)


def a_request_is_sent_after_its_lease_has_ended(patch: pytest.MonkeyPatch) -> None:
    """Also after other processes have taken its outcome for unknown."""
    message = sender.Message

    def timeless(id_: Any, attempt: int, request: Any, content: Any, _: float, *others: Any) -> Any:
        return message(id_, attempt, request, content, math.inf, *others)

    patch.setattr(sender, "Message", timeless)


def the_checkpoint_is_committed_before_the_rows(patch: pytest.MonkeyPatch) -> None:
    take = intake.Intake.take

    def committed_early(self: Any, lease: Any, checkpoint: Any, records: Any) -> Any:
        page = classification.classify_page(lease, checkpoint, records, self._routes, self._not_before)
        moved = dataclasses.replace(page, notifications=[], quarantined=[], unrouted=0, further=0)
        self._recording.record(lease, checkpoint, moved)
        rest = dataclasses.replace(lease, checkpoint=page.checkpoint)
        return take(self, rest, page.checkpoint, records)

    patch.setattr(intake.Intake, "take", committed_early)


def a_bridge_without_the_lease_still_records(patch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (outbox, "_LOCK"),
        (outbox, "_BEGIN"),
        (outbox, "_MOVE"),
        (page_statement, "_MOVE"),
        (page_statement, "_RECORD"),
    ):
        rewrite(patch, module, name, "AND owner = :owner AND epoch = :epoch", "")


def a_child_shard_is_read_before_its_parent_is_finished(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, leases, "_ACQUIRE", "AND parent.state = 'open'", "AND parent.state = 'open' AND false")


def trimmed_records_are_not_reported_as_a_gap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ShardTree, "record_trimmed", lambda *_: False)


def a_retry_has_no_due_row(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, attempts, "_FINISH", "WHERE status IN ('pending', 'unknown')", "WHERE status = 'unknown'")


def a_delivery_that_waits_for_its_time_has_no_due_row(patch: pytest.MonkeyPatch) -> None:
    rewrite(
        patch, attempts, "_SCHEDULE", "next_attempt_at FROM scheduled", "next_attempt_at FROM scheduled WHERE false"
    )


def a_late_answer_of_a_route_puts_it_to_wait_in_any_status(patch: pytest.MonkeyPatch) -> None:
    fence = (
        "(wanted.id IS NULL OR d.status = 'pending' AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= now()) "
        "AND coalesce(d.channel, :channel) = :channel)"
    )
    rewrite(patch, attempts, "_SCHEDULE", f"AND {fence}", "")
    rewrite(patch, attempts, "_SCHEDULE", "SET\n    next_attempt_at", "SET status = 'pending', next_attempt_at")


def the_relay_publishes_before_the_due_time(patch: pytest.MonkeyPatch) -> None:
    for name in ("_TAKE", "_QUEUES_DUE"):
        rewrite(patch, publications, name, "due_at <= now()", "due_at < 'infinity'")


def messages_lost_by_the_broker_are_not_noticed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Relay, "_notice_loss", lambda _: None)


def a_missing_event_is_evidence_before_any_event_has_arrived(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, unknowns, "_READ", ", false)", ", true)")


def events_of_attempts_that_the_row_does_not_know_are_ignored(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, stored, "_STORE", "WHERE incoming.attempt > 0", "WHERE incoming.attempt BETWEEN 1 AND d.attempt")


def begin_ignores_waiting_events(patch: pytest.MonkeyPatch) -> None:
    """Events that arrived before their notification was recorded again."""
    rewrite(patch, attempts, "_BEGIN", "AND NOT EXISTS (SELECT FROM named WHERE named.id = wanted.id)", "")


def any_kind_of_event_shows_that_events_arrive(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, stored, "_STORE", "AND kind = 'send'", "")


def feedback_is_deleted_before_it_is_settled(patch: pytest.MonkeyPatch) -> None:
    settle = receiver.Receiver._settle

    def deleted_early(self: Any, messages: Any) -> Any:
        self._queue.delete(messages)
        return settle(self, messages)

    patch.setattr(receiver.Receiver, "_settle", deleted_early)


def a_stop_counts_as_a_death(patch: pytest.MonkeyPatch) -> None:
    """A process that stops while it builds a suspect does not say so."""
    patch.setattr(build_leases.BuildLeases, "leave", lambda _: None)


def a_finished_build_counts_as_a_death(patch: pytest.MonkeyPatch) -> None:
    """If the worker dies after the build, while the message waits for the rate limit."""
    patch.setattr(build_leases.BuildLeases, "end", lambda *_: None)


def a_process_that_exits_before_the_build_counts_as_a_death(patch: pytest.MonkeyPatch) -> None:
    build = isolated_builds.IsolatedBuilds._in_process

    def counted(*arguments: Any) -> Any:
        try:
            return build(*arguments)
        except BuildNotBegun as gone:
            raise DiedDuringBuild(str(gone)) from None

    patch.setattr(isolated_builds.IsolatedBuilds, "_in_process", counted)


def pending_suspects_are_cleared(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, suspects, "_CLEAR", "d.status IN ('pending', 'sending', 'unknown')", "false")


def what_is_in_shadow_is_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Shadowing, "write", lambda _, ready, *__, **___: (list(ready), []))


def an_attempt_in_progress_goes_on_to_the_next_channel(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, attempts, "_FALL_BACK_DECIDED", "d.status = 'pending'", "d.status IN ('pending', 'sending')")


def the_channel_before_still_sends(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, attempts, "_BEGIN", "AND coalesce(d.channel, :channel) = :channel", "")


def a_delivery_goes_on_after_a_lost_answer(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, attempts, "_FALL_BACK_SENT", "e.status_from = 'unknown'", "false")


def a_delivery_that_goes_on_has_no_due_row(patch: pytest.MonkeyPatch) -> None:
    rewrite(
        patch, attempts, "_FALL_BACK_SENT", "channel, now() FROM changed", "channel, now() FROM changed WHERE false"
    )


def an_unknown_outcome_goes_on_to_the_next_channel(patch: pytest.MonkeyPatch) -> None:
    after = Fallback.after

    def any_outcome(self: Any, change: Any, route: Any) -> Any:
        if change.to is Status.UNKNOWN:
            change = dataclasses.replace(change, to=Status.FAILED)
        return after(self, change, route)

    patch.setattr(Fallback, "after", any_outcome)


def an_attempt_in_progress_is_shadowed(patch: pytest.MonkeyPatch) -> None:
    due = "d.status = 'pending' AND (d.next_attempt_at IS NULL"
    rewrite(patch, attempts, "_SHADOW", f"{due} OR d.next_attempt_at <= now()) AND", "true AND")


def a_rewind_gives_an_event_a_second_owner(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(corrections, "is_missing", lambda wanted, recorded, _: wanted.route not in recorded)


def a_rewind_leaves_records_that_are_notified_as_they_are(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(corrections, "is_missing", lambda _, recorded, __: not recorded)


def a_record_counts_for_each_of_its_notifications(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outbox.Page, "notified", property(lambda page: len(page.notifications)))


def a_route_beside_the_owner_keeps_events_from_it(patch: pytest.MonkeyPatch) -> None:
    claims = Routes.claims
    patch.setattr(Routes, "claims", lambda self, event: claims(self, event)[:1])


def what_is_beyond_its_limit_is_sent(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, places, "_TAKE", "open.is_pending AND open.id <> ALL (taken.ids)", "false")
    rewrite(patch, places, "_FULL", "cardinality(open.since) >= limited.most", "false")


def places_are_counted_before_their_row_is_locked(patch: pytest.MonkeyPatch) -> None:
    mine = "FROM limit_places q WHERE q.scope = p.scope AND q.recipient = p.recipient"
    rewrite(
        patch, places, "_TAKE", "unnest(p.ids, p.since)", f"unnest((SELECT q.ids {mine}), (SELECT q.since {mine}))"
    )


def a_retry_takes_another_place(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, places, "_TAKE", "each.id NOT IN (SELECT kept.id FROM kept)", "true")


def an_attempt_in_progress_is_merged(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, merging, "_MERGE", "d.status = 'pending' AND", "d.status IN ('pending', 'sending', 'unknown') AND")
    patch.setattr(merging, "_may_merge", lambda *_: True)


def what_joins_a_digest_while_it_is_built_is_merged_too(patch: pytest.MonkeyPatch) -> None:
    merge = merging.merge

    def merged(connection: Any, locked: Any, given: Any, *arguments: Any) -> Any:
        done = merge(connection, locked, {**given, **locked.joined}, *arguments)
        return done.intersection(id_ for members in given.values() for id_ in members)

    patch.setattr(merging, "merge", merged)


def a_collected_event_has_no_due_row(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, digests, "_WRITE", "WHERE until IS NOT NULL", "WHERE false")


def members_of_a_leader_that_may_have_been_accepted_are_sent_again(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, merging, "_RELEASE_MERGED", "e.status_from = 'unknown'", "false")


def a_suppressed_copy_gets_its_mail(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, parameters, "_BARRED", "s.channel = :channel", "s.channel = :channel AND false")
