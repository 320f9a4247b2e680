"""The model of a delivery, in all of its states: at most one acceptance, and nothing is lost.

Each defect of the model violates an assertion, so the assertions can fail. The statuses and transitions of the model
are compared with those of the code.
"""

import re
from pathlib import Path

import pytest

from notifier.notifications import TRANSITIONS, Status
from tests.model.spin import MISSING, Search, check

MODEL = Path(__file__).with_name("protocol.pml")
SOURCE = MODEL.read_text()
WITHOUT_MACRO = re.sub(r"#define MOVE.*", "", SOURCE)

needs_spin = pytest.mark.skipif(MISSING is not None, reason=f"the model is not checked without spin: {MISSING}")

DEFECTS = {
    "BEGIN_UNGUARDED": "at most once",
    "EVENTS_NOT_AWAITED": "at most once",
    "SEND_BEFORE_BEGIN": "one request for each attempt",
    "NO_TOKEN_CHECK": "not sent was not accepted",
    "RETRY_UNKNOWN": "not sent was not accepted",
    "SHADOW_UNGUARDED": "not sent was not accepted",
    "MERGE_UNGUARDED": "not sent was not accepted",
    "ENDED_LEASE_TO_PENDING": "not sent was not accepted",
    "EVENTS_DURING_ATTEMPT_IGNORED": "an acceptance is not lost",
    "DUPLICATES_NOT_COUNTED": "duplicates are detected",
    "RETRY_WITHOUT_DUE_ROW": "pending is moved on",
    "LATER_WITHOUT_DUE_ROW": "pending is moved on",
    "RELEASE_WITHOUT_DUE_ROW": "pending is moved on",
    "LATER_UNGUARDED": "not sent was not accepted",
    "CHECKPOINT_FIRST": "nothing is lost",
    "NO_END_OF_LEASES": "nothing is lost",
    "NO_RELAY": "nothing is lost",
}
"""Each defect, and the assertion that it violates."""

NO_DEFECTS = {"ACK_FIRST"}
"""A change that violates no assertion: if a message is acknowledged too early, the rows still have all it says."""


def test_the_statuses_of_the_model_are_those_of_the_code() -> None:
    named = re.search(r"mtype:status = \{([^}]*)\}", SOURCE)
    assert named is not None
    assert set(re.findall(r"\w+", named[1])) == set(Status)


def test_the_transitions_of_the_model_are_those_of_the_code() -> None:
    moves = {
        (Status(source), Status(target)) for source, target in re.findall(r"MOVE\((\w+), (\w+)\)", WITHOUT_MACRO)
    }
    assert moves == set(TRANSITIONS)


def test_only_transitions_and_defects_change_the_status() -> None:
    sound = re.sub(rf"#ifdef ({'|'.join(DEFECTS)})\n.*?#(else|endif)", "", WITHOUT_MACRO, flags=re.DOTALL)
    assert re.findall(r"\bstatus = \w+", sound) == ["status = pending"], "only the first line, which creates the row"


def test_each_defect_of_the_model_is_checked() -> None:
    assert set(re.findall(r"#ifn?def (\w+)", SOURCE)) - {"BOUNDED"} == set(DEFECTS) | NO_DEFECTS


@needs_spin
def test_no_state_violates_an_assertion_and_every_transition_occurs(tmp_path: Path) -> None:
    result = check(MODEL, tmp_path)
    assert result.violated is None, result.trail
    assert result.states > 1_000_000
    lines = {number for number, line in enumerate(SOURCE.splitlines(), 1) if ":: " in line and "MOVE(" in line}
    assert len(lines) > len(TRANSITIONS)
    assert lines & result.unreached == set()


@needs_spin
def test_every_run_ends_with_nothing_lost_once_faults_stop(tmp_path: Path) -> None:
    result = check(MODEL, tmp_path, "BOUNDED", search=Search.ENDLESS)
    assert result.violated is None, result.trail
    assert result.states > 10_000


@needs_spin
@pytest.mark.parametrize("name", sorted(NO_DEFECTS))
def test_a_change_that_the_proof_does_not_need_is_not_found(tmp_path: Path, name: str) -> None:
    result = check(MODEL, tmp_path, "BOUNDED", name, search=Search.SHORTEST)
    assert result.violated is None, result.trail


@needs_spin
@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_violates_its_assertion(tmp_path: Path, defect: str) -> None:
    bounded = ("BOUNDED",) if DEFECTS[defect] == "nothing is lost" else ()
    assert check(MODEL, tmp_path, defect, *bounded, search=Search.SHORTEST).violated == DEFECTS[defect]
