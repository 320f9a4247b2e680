"""Each mutant makes a test of the layers named here fail: a layer whose tests still pass is not tested by them."""

import inspect
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bridge.relay import Relay
from notifier.broker import Broker
from notifier.feedback import FeedbackKind
from notifier.outbox import Publications
from sandbox.embedded.ses import ses_simulator
from sandbox.embedded.streams import streams_simulator
from tests import waiting
from tests.bridge import test_relay
from tests.bridge.beside import test_beside
from tests.bridge.feedback import test_receiver
from tests.bridge.stream import test_machine
from tests.bridge.stream.test_rewinding import Environment as Rewinding
from tests.crash.faults import Effect, Moment, Point
from tests.crash.provider_faults import provider_faults
from tests.crash.site import Site
from tests.mutants import mutants
from tests.mutants.mutants import Mutant
from tests.outbox import test_publications
from tests.outbox.conftest import engine, rows
from tests.outbox.delivery import (
    test_attempts,
    test_fallback,
    test_lost_commits,
    test_places,
    test_scheduled,
    test_transitions,
    test_unknowns,
)
from tests.outbox.rows import Rows
from tests.outbox.stream import test_recording as test_intake
from tests.workers import test_fallback as test_steps
from tests.workers.conftest import ses, templates_path
from tests.workers.digest import test_digest, test_tried_leaders
from tests.workers.isolation import test_isolated_builds, test_suspects
from tests.workers.isolation.scripted_process import IsolatingWorkers, isolating, unblock
from tests.workers.sending import test_copies
from tests.workers.test_deliverer import Environment, env
from tests.workers.test_fallback import Steps, steps

__all__ = ["engine", "env", "isolating", "rows", "ses", "steps", "templates_path", "unblock"]

pytestmark = pytest.mark.timeout(300)

WAIT_SECONDS = 2.0
"""Seconds to wait for a message. Short, because what a mutant has lost does not arrive."""
PAGE = Path(__file__).parents[2] / "docs/reliability.md"

SEND = partial(Point, "SesChannel", "send")
RECORD = partial(Point, "Recording", "record")
CRASHES: dict[str, tuple[Mutant, Point, str]] = {
    mutant.__name__: (mutant, point, finding)
    for mutant, point, finding in (
        (mutants.a_request_is_sent_before_begin_is_committed, SEND(Moment.AFTER, Effect.KILL), "duplicated"),
        (mutants.a_request_is_sent_after_its_lease_has_ended, SEND(Moment.BEFORE, Effect.PAUSE), "duplicated"),
        (mutants.the_checkpoint_is_committed_before_the_rows, RECORD(Moment.AFTER, Effect.KILL), "lost"),
        (mutants.what_is_in_shadow_is_sent, SEND(Moment.AFTER, Effect.KILL), "unexpected"),
        (mutants.what_is_beyond_its_limit_is_sent, SEND(Moment.AFTER, Effect.KILL), "duplicated"),
        (mutants.a_retry_has_no_due_row, SEND(Moment.BEFORE, Effect.KILL), "open"),
        (mutants.a_route_beside_the_owner_keeps_events_from_it, RECORD(Moment.AFTER, Effect.KILL), "lost"),
    )
}


PROVIDER_FAULTS = {
    mutant.__name__: (mutant, fault, finding)
    for mutant, fault, finding in (
        (mutants.an_unknown_outcome_is_retried, "Attempts.finish-after-kill-accept_then_cut", "dead"),
        (
            mutants.an_ended_lease_makes_the_delivery_pending,
            "SesChannel.send-after-kill-accept_then_cut",
            "more than once",
        ),
        (
            mutants.a_missing_event_is_evidence_before_any_event_has_arrived,
            "SesChannel.send-before-kill-throttle",
            "no evidence",
        ),
    )
}


@pytest.fixture(autouse=True)
def waits_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a mutant has lost does not arrive on a slow machine either."""
    monkeypatch.setattr(waiting, "SLOWNESS", 1.0)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[object, object]]:
    folder = tmp_path_factory.mktemp("mutants")
    with streams_simulator(folder) as streams, ses_simulator(folder) as ses:
        yield streams, ses


def apply(mutant: Mutant) -> None:
    """Apply a mutant for the rest of the life of a process."""
    mutant(pytest.MonkeyPatch())


@pytest.fixture
def site_with(
    servers: tuple[object, object],
    database_url: str,
    broker_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[Mutant], Site]]:
    """A site where every process has that mutant."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    with ExitStack() as stack:

        def site(mutant: Mutant) -> Site:
            mutant(monkeypatch)
            made = Site(database_url, broker_url, *servers, tmp_path, WAIT_SECONDS, partial(apply, mutant))  # type: ignore[arg-type]
            stack.callback(made.close)
            return made

        yield site


@pytest.mark.parametrize("name", CRASHES)
def test_the_crash_matrix_finds(name: str, site_with: Callable[[Mutant], Site]) -> None:
    mutant, point, finding = CRASHES[name]
    result = site_with(mutant).judge_after(point)
    assert getattr(result, finding), f"found as something else: {result}"


@pytest.mark.parametrize("name", PROVIDER_FAULTS)
def test_provider_faults_find(name: str, site_with: Callable[[Mutant], Site]) -> None:
    mutant, named, finding = PROVIDER_FAULTS[name]
    (fault,) = [fault for fault in provider_faults() if str(fault) == named]
    result = fault.on(site_with(mutant))
    assert finding in str(result), f"found as something else: {result}"


def test_the_page_on_reliability_lists_every_mutant() -> None:
    listed = re.findall(r"^\| ([\w ]+) \| ", PAGE.read_text(), re.MULTILINE)
    named = {name.replace("_", " ") for name, member in vars(mutants).items() if is_mutant(member)}
    assert named
    assert named <= set(listed)


def is_mutant(member: object) -> bool:
    return inspect.isfunction(member) and list(inspect.signature(member).parameters) == ["patch"]


def fails(test: Callable[..., object], *arguments: object) -> None:
    """Assert that this test of another layer fails, and by an assertion."""
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test(*arguments)


def test_the_transitions_find_that_finish_does_not_check_the_token(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.finish_does_not_check_the_token(monkeypatch)
    fails(test_attempts.test_the_answer_of_an_older_attempt_changes_nothing, rows)


def test_the_transitions_find_that_begin_takes_attempts_of_other_tokens(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.begin_takes_attempts_of_other_tokens(monkeypatch)
    fails(test_transitions.test_an_operation_changes_only_its_source_statuses, rows, "begin")


def test_the_transitions_find_that_an_attempt_in_progress_is_shadowed(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.an_attempt_in_progress_is_shadowed(monkeypatch)
    fails(test_transitions.test_an_operation_changes_only_its_source_statuses, rows, "shadow")


def test_the_transitions_find_that_an_attempt_in_progress_goes_on(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.an_attempt_in_progress_goes_on_to_the_next_channel(monkeypatch)
    fails(test_transitions.test_an_operation_changes_only_its_source_statuses, rows, "fall back without a request")


def test_the_outbox_finds_that_the_channel_before_still_sends(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.the_channel_before_still_sends(monkeypatch)
    fails(test_fallback.test_the_first_channel_can_do_nothing_with_it_any_more, rows)


def test_the_outbox_finds_that_a_delivery_goes_on_after_a_lost_answer(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_delivery_goes_on_after_a_lost_answer(monkeypatch)
    fails(test_fallback.test_it_never_goes_on_after_an_answer_was_lost, rows)


def test_the_outbox_finds_that_a_delivery_that_goes_on_has_no_due_row(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_delivery_that_goes_on_has_no_due_row(monkeypatch)
    fails(
        test_fallback.test_it_is_due_at_once_on_the_next_channel_with_the_reason_and_a_fresh_count_of_failures, rows
    )


def test_the_workers_find_that_an_unknown_outcome_goes_on(
    steps: Callable[..., Steps], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.an_unknown_outcome_goes_on_to_the_next_channel(monkeypatch)
    fails(test_steps.test_an_unknown_outcome_stays_where_it_is, steps)


def test_the_places_find_that_two_at_once_exceed_a_limit(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.places_are_counted_before_their_row_is_locked(monkeypatch)
    fails(test_places.test_the_second_waits_for_the_first_and_sees_its_places, rows)


def test_the_places_find_that_a_retry_takes_another_place(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.a_retry_takes_another_place(monkeypatch)
    fails(test_places.test_a_retry_counts_once_and_from_its_latest_attempt, rows)


def test_the_transitions_find_that_an_attempt_in_progress_is_merged(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.an_attempt_in_progress_is_merged(monkeypatch)
    fails(test_transitions.test_an_operation_changes_only_its_source_statuses, rows, "merge")


def test_the_workers_find_that_what_joins_a_digest_while_it_is_built_is_merged_too(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.what_joins_a_digest_while_it_is_built_is_merged_too(monkeypatch)
    fails(test_digest.test_an_event_that_comes_while_its_digest_is_built_leads_another_one, env, 100)


def test_the_workers_find_a_collected_event_without_a_due_row(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_collected_event_has_no_due_row(monkeypatch)
    fails(test_digest.test_a_digest_that_is_full_is_sent_at_once_and_the_next_event_leads_another, env)


def test_the_workers_find_that_members_of_a_leader_that_may_have_been_accepted_are_sent_again(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.members_of_a_leader_that_may_have_been_accepted_are_sent_again(monkeypatch)
    fails(test_tried_leaders.test_members_of_a_leader_that_may_have_been_accepted_stay_merged, env)


def test_the_transitions_find_an_ended_lease_that_makes_pending(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.an_ended_lease_makes_the_delivery_pending(monkeypatch)
    fails(test_transitions.test_an_operation_changes_only_its_source_statuses, rows, "end of lease")


def test_the_transitions_find_that_a_late_answer_puts_to_wait(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.a_late_answer_of_a_route_puts_it_to_wait_in_any_status(monkeypatch)
    fails(test_transitions.test_an_operation_changes_only_its_source_statuses, rows, "schedule")


def test_the_worker_finds_that_a_suppressed_copy_gets_its_mail(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_suppressed_copy_gets_its_mail(monkeypatch)
    fails(test_copies.test_a_suppressed_copy_is_left_out_and_the_row_says_so, env)


def test_the_outbox_finds_a_bridge_that_records_without_the_lease(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_bridge_without_the_lease_still_records(monkeypatch)
    fails(test_intake.test_a_bridge_that_lost_the_shard_writes_nothing, rows, "epoch = 2")


def test_the_outbox_finds_a_delivery_that_waits_for_its_time_without_a_due_row(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The crash matrix may not find it: the relay publishes again what is pending and missing in the broker."""
    mutants.a_delivery_that_waits_for_its_time_has_no_due_row(monkeypatch)
    fails(test_scheduled.test_when_its_time_has_come_it_is_published_once_and_loaded, rows)


def test_the_outbox_finds_a_relay_that_publishes_too_early(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.the_relay_publishes_before_the_due_time(monkeypatch)
    fails(test_publications.test_a_page_that_was_not_published_is_due_after_its_grace, rows)


def test_the_outbox_finds_that_a_missing_event_is_evidence_too_early(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_missing_event_is_evidence_before_any_event_has_arrived(monkeypatch)
    fails(test_unknowns.test_without_events_an_overdue_attempt_waits, rows)


def test_the_outbox_finds_that_events_of_unknown_attempts_are_ignored(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.events_of_attempts_that_the_row_does_not_know_are_ignored(monkeypatch)
    fails(test_lost_commits.test_an_event_of_an_attempt_whose_begin_was_lost_prevents_a_second_message, rows, 1)


def test_the_outbox_finds_that_begin_ignores_waiting_events(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.begin_ignores_waiting_events(monkeypatch)
    fails(test_lost_commits.test_an_event_of_a_lost_notification_is_settled_once_it_is_recorded_again, rows)


def test_the_outbox_finds_that_any_kind_of_event_shows_that_events_arrive(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.any_kind_of_event_shows_that_events_arrive(monkeypatch)
    test = test_unknowns.test_only_send_events_show_that_events_flow
    fails(test, rows, FeedbackKind.DELIVERY)


@pytest.mark.parametrize(
    ("mutant", "test"),
    [
        (mutants.a_rewind_gives_an_event_a_second_owner, test_beside.test_a_rewind_gives_an_event_no_second_owner),
        (
            mutants.a_rewind_leaves_records_that_are_notified_as_they_are,
            test_beside.test_a_rewind_makes_exactly_the_missing_ones,
        ),
        (
            mutants.a_record_counts_for_each_of_its_notifications,
            test_beside.test_buyer_and_seller_are_notified_and_the_record_counts_once,
        ),
        (
            mutants.a_route_beside_the_owner_keeps_events_from_it,
            test_beside.test_buyer_and_seller_are_notified_and_the_record_counts_once,
        ),
    ],
)
def test_the_outbox_finds_of_routes_beside_an_owner(
    mutant: Mutant, test: Callable[[Rewinding], None], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = Rewinding(engine)
    environment.shard("a")
    mutant(monkeypatch)
    fails(test, environment)


def test_the_relay_finds_that_messages_lost_by_the_broker_are_not_noticed(
    rows: Rows, engine: Engine, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.messages_lost_by_the_broker_are_not_noticed(monkeypatch)
    broker = Broker(broker_url)
    relay = Relay(engine, Publications(engine), broker, high_water=1_000)
    try:
        fails(test_relay.test_the_loss_of_the_brokers_memory_is_noticed_at_once, rows, relay, broker, broker_url)
    finally:
        broker.close()


def test_feedback_finds_that_it_deletes_before_it_settles(monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.feedback_is_deleted_before_it_is_settled(monkeypatch)
    fails(test_receiver.test_killed_before_it_deletes_a_batch_comes_again)


def a_child_may_overtake(bridges: test_machine.Bridges) -> None:
    bridges.put(count=8, kinds="told")
    bridges.reshard(which=0, split=False)
    bridges.put(count=8, kinds="told")
    bridges.discover(which=0)
    bridges.take(which=0, steal=False)
    bridges.poll(which=0, turn=1)


def records_are_trimmed(bridges: test_machine.Bridges) -> None:
    bridges.put(count=4, kinds="told")
    bridges.take(which=0, steal=False)
    bridges.pause_for_a_day()
    bridges.put(count=4, kinds="told")


@pytest.mark.parametrize(
    ("mutant", "history"),
    [
        (mutants.a_child_shard_is_read_before_its_parent_is_finished, a_child_may_overtake),
        (mutants.trimmed_records_are_not_reported_as_a_gap, records_are_trimmed),
    ],
)
def test_the_state_machine_of_bridges_finds(
    mutant: Mutant,
    history: Callable[[test_machine.Bridges], None],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A history that the state machine finds within a minute, and that passes without the mutant."""
    with test_machine.virtual_time(database_url) as engine:
        machine = type("Machine", (test_machine.Bridges,), {"engine": engine})
        run_history(machine(), history)
        mutant(monkeypatch)
        fails(run_history, machine(), history)


def run_history(bridges: test_machine.Bridges, history: Callable[[test_machine.Bridges], None]) -> None:
    try:
        bridges.table(shards=1, padded=False)
        history(bridges)
    finally:
        bridges.teardown()


def test_builds_alone_find_that_a_stop_counts_as_a_death(
    isolating: IsolatingWorkers, unblock: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_stop_counts_as_a_death(monkeypatch)
    fails(test_isolated_builds.test_stops_in_the_middle_of_a_build_are_no_deaths, isolating, unblock, 3)


def test_builds_alone_find_that_a_finished_build_counts_as_a_death(
    isolating: IsolatingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_finished_build_counts_as_a_death(monkeypatch)
    fails(test_isolated_builds.test_workers_that_die_after_a_build_is_done_cost_it_nothing, isolating)


def test_builds_alone_find_that_an_early_exit_counts_as_a_death(
    isolating: IsolatingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_process_that_exits_before_the_build_counts_as_a_death(monkeypatch)
    fails(test_isolated_builds.test_a_process_that_ends_before_it_begins_is_no_death, isolating)


def test_builds_alone_find_that_pending_suspects_are_cleared(
    isolating: IsolatingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.pending_suspects_are_cleared(monkeypatch)
    fails(test_suspects.test_a_suspect_that_waits_stays_a_suspect, isolating, test_suspects.no_rate)
