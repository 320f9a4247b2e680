"""Each mutant is seen by the layer that it is named for here: a layer that stays green is no layer."""

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
from notifier.broker import Queue
from notifier.feedback import FeedbackKind
from notifier.outbox import Publications
from sandbox.embedded.ses import ses_simulator
from sandbox.embedded.streams import streams_simulator
from tests.bridge import test_relay
from tests.bridge.feedback import test_receiver
from tests.bridge.stream import test_machine
from tests.crash.faults import Effect, Moment, Point
from tests.crash.provider_faults import provider_faults
from tests.crash.site import Site
from tests.mutants import mutants
from tests.mutants.mutants import Mutant
from tests.outbox import test_publications
from tests.outbox.conftest import engine, rows
from tests.outbox.delivery import test_attempts, test_lost_commits, test_transitions, test_unknowns
from tests.outbox.rows import Rows
from tests.outbox.stream import test_recording as test_intake
from tests.workers.conftest import ses, templates_path
from tests.workers.isolation import test_isolated_builds, test_suspects
from tests.workers.isolation.scripted_process import Workers, crew, release
from tests.workers.test_deliverer import post

__all__ = ["crew", "engine", "post", "release", "rows", "ses", "templates_path"]

pytestmark = pytest.mark.timeout(300)

PATIENCE = 2.0
"""Seconds: what a mutant loses does not come later."""
PAGE = Path(__file__).parents[2] / "docs/reliability.md"

SEND = partial(Point, "SesChannel", "send")
RECORD = partial(Point, "Recording", "record")
CRASHES: dict[str, tuple[Mutant, Point, str]] = {
    mutant.__name__: (mutant, point, finding)
    for mutant, point, finding in (
        (mutants.a_request_leaves_before_its_intent_is_written, SEND(Moment.AFTER, Effect.KILL), "duplicated"),
        (mutants.a_request_may_leave_at_any_time, SEND(Moment.BEFORE, Effect.PAUSE), "duplicated"),
        (mutants.the_checkpoint_moves_before_the_rows, RECORD(Moment.AFTER, Effect.KILL), "lost"),
        (mutants.a_retry_has_nobody_to_wake_it, SEND(Moment.BEFORE, Effect.KILL), "open"),
    )
}


PROVIDER_FAULTS = {
    mutant.__name__: (mutant, day, finding)
    for mutant, day, finding in (
        (mutants.an_ambiguous_answer_is_tried_again, "Attempts.finish-after-kill-accept_then_cut", "dead"),
        (mutants.the_end_of_a_lease_makes_pending, "SesChannel.send-after-kill-accept_then_cut", "more than once"),
        (mutants.no_news_of_events_counts_as_events, "SesChannel.send-before-kill-throttle", "no evidence"),
    )
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[object, object]]:
    folder = tmp_path_factory.mktemp("mutants")
    with streams_simulator(folder) as streams, ses_simulator(folder) as ses:
        yield streams, ses


def spoil(mutant: Mutant) -> None:
    """For a process that dies of it."""
    mutant(pytest.MonkeyPatch())


@pytest.fixture
def spoilt(
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
            made = Site(database_url, broker_url, *servers, tmp_path, PATIENCE, partial(spoil, mutant))  # type: ignore[arg-type]
            stack.callback(made.close)
            return made

        yield site


@pytest.mark.parametrize("name", CRASHES)
def test_the_crash_matrix_sees(name: str, spoilt: Callable[[Mutant], Site]) -> None:
    mutant, point, finding = CRASHES[name]
    told = spoilt(mutant).judge_after(point)
    assert getattr(told, finding), f"seen as something else: {told}"


@pytest.mark.parametrize("name", PROVIDER_FAULTS)
def test_a_provider_fault_sees(name: str, spoilt: Callable[[Mutant], Site]) -> None:
    mutant, named, finding = PROVIDER_FAULTS[name]
    (day,) = [day for day in provider_faults() if str(day) == named]
    told = day.on(spoilt(mutant))
    assert finding in str(told), f"seen as something else: {told}"


def test_the_page_on_reliability_lists_every_mutant() -> None:
    listed = re.findall(r"^\| ([\w ]+) \| ", PAGE.read_text(), re.MULTILINE)
    named = {name.replace("_", " ") for name, member in vars(mutants).items() if is_mutant(member)}
    assert named
    assert named <= set(listed)


def is_mutant(member: object) -> bool:
    return inspect.isfunction(member) and list(inspect.signature(member).parameters) == ["patch"]


def red(layer: Callable[..., object], *arguments: object) -> None:
    """This test of another layer fails, and as a test does: by what it asserts."""
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        layer(*arguments)


def test_the_transitions_see_a_finish_that_needs_no_token(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.a_finish_needs_no_token(monkeypatch)
    red(test_attempts.test_the_answer_of_an_older_attempt_changes_nothing, rows)


def test_the_transitions_see_a_begin_that_takes_what_another_is_sending(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.begin_takes_what_another_is_sending(monkeypatch)
    red(test_transitions.test_an_operation_moves_what_it_may_and_nothing_else, rows, "begin")


def test_the_transitions_see_a_lease_whose_end_makes_pending(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.the_end_of_a_lease_makes_pending(monkeypatch)
    red(test_transitions.test_an_operation_moves_what_it_may_and_nothing_else, rows, "end of lease")


def test_the_outbox_sees_that_who_lost_a_shard_still_records_it(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.who_lost_a_shard_still_records_it(monkeypatch)
    red(test_intake.test_who_lost_the_shard_writes_nothing, rows, "epoch = 2")


def test_the_outbox_sees_a_relay_that_does_not_wait_its_time(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.the_relay_does_not_wait_its_time(monkeypatch)
    red(test_publications.test_a_page_that_nobody_published_is_due_after_its_grace, rows)


def test_the_outbox_sees_that_no_news_of_events_counts_as_events(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.no_news_of_events_counts_as_events(monkeypatch)
    red(test_unknowns.test_without_events_nothing_is_known, rows)


def test_the_outbox_sees_an_event_that_counts_only_for_an_attempt_that_the_row_knows(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.an_event_counts_only_for_an_attempt_that_the_row_knows(monkeypatch)
    red(test_lost_commits.test_an_event_of_an_attempt_whose_begin_was_lost_prevents_the_second_mail, rows, 1)


def test_the_outbox_sees_a_begin_that_does_not_wait_for_events(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.begin_does_not_wait_for_events(monkeypatch)
    red(test_lost_commits.test_an_event_of_a_notification_that_was_lost_is_settled_when_that_is_recorded_again, rows)


def test_the_outbox_sees_that_any_event_shows_that_events_flow(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.any_event_shows_that_events_flow(monkeypatch)
    layer = test_unknowns.test_events_that_not_every_acceptance_has_prove_nothing_by_their_absence
    red(layer, rows, FeedbackKind.DELIVERY)


def test_the_relay_sees_that_the_brokers_loss_goes_unnoticed(
    rows: Rows, engine: Engine, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.the_brokers_loss_goes_unnoticed(monkeypatch)
    queue = Queue(broker_url)
    relay = Relay(engine, Publications(engine), queue, high_water=1_000)
    try:
        red(test_relay.test_the_loss_of_the_brokers_memory_is_noticed_at_once, rows, relay, queue, broker_url)
    finally:
        queue.close()


def test_feedback_sees_that_it_deletes_before_it_settles(monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.feedback_is_deleted_before_it_is_settled(monkeypatch)
    red(test_receiver.test_killed_before_it_deletes_a_batch_comes_again)


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
        (mutants.a_child_does_not_wait_for_its_parent, a_child_may_overtake),
        (mutants.trimmed_records_are_no_gap, records_are_trimmed),
    ],
)
def test_the_state_machine_of_bridges_sees(
    mutant: Mutant,
    history: Callable[[test_machine.Bridges], None],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A history that its search finds within a minute, and that is good without the mutant."""
    with test_machine.virtual_time(database_url) as engine:
        machine = type("Machine", (test_machine.Bridges,), {"engine": engine})
        lived(machine(), history)
        mutant(monkeypatch)
        red(lived, machine(), history)


def lived(bridges: test_machine.Bridges, history: Callable[[test_machine.Bridges], None]) -> None:
    try:
        bridges.table(shards=1, padded=False)
        history(bridges)
    finally:
        bridges.teardown()


def test_builds_alone_see_a_stop_that_counts_as_a_death(
    crew: Workers, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_stop_counts_as_a_death(monkeypatch)
    red(test_isolated_builds.test_stops_in_the_middle_of_a_build_are_no_deaths, crew, release, 3)


def test_builds_alone_see_a_build_that_has_ended_and_counts_as_a_death(
    crew: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_build_that_has_ended_counts_as_a_death(monkeypatch)
    red(test_isolated_builds.test_workers_that_die_after_a_build_is_done_cost_it_nothing, crew)


def test_builds_alone_see_a_process_that_ended_before_it_began_and_counts_as_a_death(
    crew: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.a_process_that_ended_before_it_began_counts_as_a_death(monkeypatch)
    red(test_isolated_builds.test_a_process_that_ends_before_it_begins_is_no_death, crew)


def test_builds_alone_see_that_what_waits_is_a_suspect_no_more(
    crew: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants.what_waits_is_a_suspect_no_more(monkeypatch)
    red(test_suspects.test_what_waits_is_a_suspect_still, crew, test_suspects.no_rate)
