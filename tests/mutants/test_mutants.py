"""Each mutant is seen by the layer that it is named for here: a layer that stays green is no layer."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine

from bridge import reader
from bridge.relay import Relay
from notifier.broker import Queue
from notifier.outbox import Publications
from sandbox.postgres import PostgresServer
from sandbox.ses_server import ses_simulator
from sandbox.streams.process import streams_simulator
from tests.bridge import test_machine, test_relay
from tests.conftest import GivenPostgres
from tests.crash.faults import Effect, Moment, Point
from tests.crash.street import Street
from tests.feedback import test_receiver
from tests.mutants import mutants
from tests.mutants.mutants import Mutant
from tests.outbox import test_attempts, test_intake, test_publications, test_transitions, test_unknowns
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "rows"]

pytestmark = pytest.mark.timeout(300)

PATIENCE = 8.0

SEND = partial(Point, "SesChannel", "send")
RECORD = partial(Point, "Intake", "record")
CRASHES: dict[str, tuple[Mutant, Point, str]] = {
    mutant.__name__: (mutant, point, finding)
    for mutant, point, finding in (
        (mutants.a_request_leaves_before_its_intent_is_written, SEND(Moment.AFTER, Effect.KILL), "duplicated"),
        (mutants.the_end_of_a_lease_makes_pending, SEND(Moment.AFTER, Effect.KILL), "duplicated"),
        (mutants.an_ambiguous_answer_is_tried_again, SEND(Moment.BEFORE, Effect.KILL), "duplicated"),
        (mutants.a_request_may_leave_at_any_time, SEND(Moment.BEFORE, Effect.PAUSE), "duplicated"),
        (mutants.the_checkpoint_moves_before_the_rows, RECORD(Moment.AFTER, Effect.KILL), "lost"),
        (mutants.a_retry_has_nobody_to_wake_it, SEND(Moment.BEFORE, Effect.KILL), "open"),
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


@pytest.mark.parametrize("name", CRASHES)
def test_the_crash_matrix_sees(
    name: str,
    servers: tuple[object, object],
    database_url: str,
    broker_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutant, point, finding = CRASHES[name]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setattr(reader, "GONE_SECONDS", 0.0)
    mutant(monkeypatch)
    street = Street(database_url, broker_url, *servers, tmp_path, PATIENCE, partial(spoil, mutant))  # type: ignore[arg-type]
    try:
        told = street.survives(point)
    finally:
        street.close()
    assert getattr(told, finding), f"seen as something else: {told}"


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


@pytest.mark.parametrize("mutant", [mutants.a_child_does_not_wait_for_its_parent, mutants.trimmed_records_are_no_gap])
def test_the_state_machine_of_bridges_sees(
    mutant: Mutant,
    postgres_server: PostgresServer | GivenPostgres,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "GONE_SECONDS", 0.0)
    mutant(monkeypatch)
    search = settings(
        max_examples=400,  # the first one that fails ends it
        stateful_step_count=40,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with test_machine.virtual_time(database_url) as engine:
        machine = type("Machine", (test_machine.Bridges,), {"engine": engine})
        red(lambda: run_state_machine_as_test(machine, settings=search))
