"""Bugs that Notifier does not have. Each is what somebody could write by mistake, and a layer of tests must see it.

A mutant changes the program of this process for as long as a test lasts; no line of it is in the program itself.
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
from notifier.outbox.delivery import attempts, claims, suspects, unknowns
from notifier.outbox.feedback import stored
from notifier.outbox.publishing import publications
from notifier.outbox.stream import recording as outbox
from notifier.outcomes import NotSent, Unknown
from workers import deliverer
from workers.isolation import build_leases, isolated_builds
from workers.isolation.child import BuildNotBegun, DiedDuringBuild

Mutant = Callable[[pytest.MonkeyPatch], None]


def rewrite(patch: pytest.MonkeyPatch, module: ModuleType, name: str, old: str, new: str) -> None:
    """The statement of that name with other words in it."""
    statement = getattr(module, name).text
    assert old in statement, f"{module.__name__}.{name} has changed: give its mutant other words"
    patch.setattr(module, name, text(statement.replace(old, new)))


def a_finish_needs_no_token(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, attempts, "_FINISH", "AND d.token = :token", "")


def begin_takes_what_another_is_sending(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, attempts, "_BEGIN", "OR d.status = 'sending' AND d.token = :token", "OR d.status = 'sending'")


def a_request_leaves_before_its_intent_is_written(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, attempts, "_BEGIN", "status = 'sending', token = :token", "status = 'pending', token = :token")
    rewrite(patch, attempts, "_FINISH", "d.status = 'sending'", "d.status = 'pending'")


def the_end_of_a_lease_makes_pending(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, claims, "_END_LEASES", "'unknown'::delivery_status", "'pending'::delivery_status")


def an_ambiguous_answer_is_tried_again(patch: pytest.MonkeyPatch) -> None:
    after_send = deliverer.after_send

    def hopeful(work: Any, outcome: Any, *arguments: Any, **options: Any) -> Any:
        return after_send(work, NotSent("no") if isinstance(outcome, Unknown) else outcome, *arguments, **options)

    patch.setattr(deliverer, "after_send", hopeful)


def a_request_may_leave_at_any_time(patch: pytest.MonkeyPatch) -> None:
    """Also when its attempt is over for everybody else."""
    message = deliverer.Message

    def timeless(id_: Any, attempt: int, request: Any, content: Any, _: float, ends: Any) -> Any:
        return message(id_, attempt, request, content, math.inf, ends)

    patch.setattr(deliverer, "Message", timeless)


def the_checkpoint_moves_before_the_rows(patch: pytest.MonkeyPatch) -> None:
    take = intake.Intake.take

    def hasty(self: Any, lease: Any, checkpoint: Any, records: Any) -> Any:
        page = classification.classify_page(lease, checkpoint, records, self._routes, self._not_before)
        moved = dataclasses.replace(page, notifications=[], quarantined=[], unrouted=0)
        self._outbox.record(lease, checkpoint, moved)
        rest = dataclasses.replace(lease, checkpoint=page.checkpoint)
        return take(self, rest, page.checkpoint, records)

    patch.setattr(intake.Intake, "take", hasty)


def who_lost_a_shard_still_records_it(patch: pytest.MonkeyPatch) -> None:
    for name in ("_LOCK", "_MOVE"):
        rewrite(patch, outbox, name, "AND owner = :owner AND epoch = :epoch", "")


def a_child_does_not_wait_for_its_parent(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, leases, "_ACQUIRE", "AND parent.state = 'open'", "AND parent.state = 'open' AND false")


def trimmed_records_are_no_gap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ShardTree, "record_trimmed", lambda *_: False)


def a_retry_has_nobody_to_wake_it(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, attempts, "_FINISH", "WHERE status IN ('pending', 'unknown')", "WHERE status = 'unknown'")


def the_relay_does_not_wait_its_time(patch: pytest.MonkeyPatch) -> None:
    for name in ("_TAKE", "_CHANNELS_DUE"):
        rewrite(patch, publications, name, "due_at <= now()", "due_at < 'infinity'")


def the_brokers_loss_goes_unnoticed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Relay, "_notice_loss", lambda _: None)


def no_news_of_events_counts_as_events(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, unknowns, "_READ", ", false)", ", true)")


def an_event_counts_only_for_an_attempt_that_the_row_knows(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, stored, "_STORE", "WHERE incoming.attempt > 0", "WHERE incoming.attempt BETWEEN 1 AND d.attempt")


def begin_does_not_wait_for_events(patch: pytest.MonkeyPatch) -> None:
    """Those that came before their notification was recorded again."""
    rewrite(patch, attempts, "_BEGIN", "AND NOT EXISTS (SELECT FROM told WHERE told.id = wanted.id)", "")


def any_event_shows_that_events_flow(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, stored, "_STORE", "AND kind = 'send'", "")


def feedback_is_deleted_before_it_is_settled(patch: pytest.MonkeyPatch) -> None:
    settle = receiver.Receiver._settle

    def hasty(self: Any, messages: Any) -> Any:
        self._queue.delete(messages)
        return settle(self, messages)

    patch.setattr(receiver.Receiver, "_settle", hasty)


def a_stop_counts_as_a_death(patch: pytest.MonkeyPatch) -> None:
    """Of what is built alone when the process ends."""
    patch.setattr(build_leases.BuildLeases, "leave", lambda _: None)


def a_build_that_has_ended_counts_as_a_death(patch: pytest.MonkeyPatch) -> None:
    """Once its worker dies, while what it built waits for the rate."""
    patch.setattr(build_leases.BuildLeases, "end", lambda *_: None)


def a_process_that_ended_before_it_began_counts_as_a_death(patch: pytest.MonkeyPatch) -> None:
    build = isolated_builds.IsolatedBuilds._in_process

    def harsh(*arguments: Any) -> Any:
        try:
            return build(*arguments)
        except BuildNotBegun as gone:
            raise DiedDuringBuild(str(gone)) from None

    patch.setattr(isolated_builds.IsolatedBuilds, "_in_process", harsh)


def what_waits_is_a_suspect_no_more(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, suspects, "_CLEAR", "d.status IN ('pending', 'sending', 'unknown')", "false")
