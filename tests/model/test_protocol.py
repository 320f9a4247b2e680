"""The protocol, in all of its states: at most one acceptance, nothing lost; and each defect that we can think of.

The model is of what the code does, so its statuses and moves are those of the code and no others.
"""

import re
from pathlib import Path

import pytest

from notifier.notifications import TRANSITIONS, Status
from tests.model.spin import MISSING, Search, check

MODEL = Path(__file__).with_name("protocol.pml")
SOURCE = MODEL.read_text()
BODY = re.sub(r"#define MOVE.*", "", SOURCE)

needs_spin = pytest.mark.skipif(MISSING is not None, reason=f"the model is not checked without spin: {MISSING}")

DEFECTS = {
    "BEGIN_UNGUARDED": "at most once",
    "IMPATIENT": "at most once",
    "SEND_BEFORE_BEGIN": "one request for each attempt",
    "NOFENCE": "not sent was not accepted",
    "RETRY_AMBIGUOUS": "not sent was not accepted",
    "UNKNOWN_TO_PENDING": "not sent was not accepted",
    "FORGETFUL": "evidence is heeded",
    "UNDETECTED": "duplicates are detected",
    "UNATTENDED": "pending is attended",
    "CHECKPOINT_FIRST": "nothing is lost",
    "NO_EXPIRY": "nothing is lost",
    "NO_RELAY": "nothing is lost",
}
"""What each planted defect breaks."""

NO_DEFECTS = {"ACK_FIRST"}
"""What the proof does not need: the row knows what a message that was acknowledged too early would have said."""


def test_the_statuses_of_the_model_are_those_of_the_code() -> None:
    named = re.search(r"mtype:status = \{([^}]*)\}", SOURCE)
    assert named is not None
    assert set(re.findall(r"\w+", named[1])) == set(Status)


def test_the_moves_of_the_model_are_the_transitions_of_the_code() -> None:
    moves = {(Status(source), Status(target)) for source, target in re.findall(r"MOVE\((\w+), (\w+)\)", BODY)}
    assert moves == set(TRANSITIONS)


def test_nothing_but_a_move_or_a_defect_changes_the_status() -> None:
    sound = re.sub(rf"#ifdef ({'|'.join(DEFECTS)})\n.*?#(else|endif)", "", BODY, flags=re.DOTALL)
    assert re.findall(r"\bstatus = \w+", sound) == ["status = pending"], "the first line, which makes the row"


def test_each_defect_of_the_model_is_planted() -> None:
    assert set(re.findall(r"#ifn?def (\w+)", SOURCE)) - {"BOUNDED"} == set(DEFECTS) | NO_DEFECTS


@needs_spin
def test_no_state_breaks_a_promise_and_every_move_happens(tmp_path: Path) -> None:
    verdict = check(MODEL, tmp_path)
    assert verdict.broken is None, verdict.trail
    assert verdict.states > 1_000_000
    moves = {number for number, line in enumerate(SOURCE.splitlines(), 1) if ":: " in line and "MOVE(" in line}
    assert len(moves) > len(TRANSITIONS)
    assert moves & verdict.never == set()


@needs_spin
def test_once_the_faults_end_every_run_ends_and_nothing_is_lost(tmp_path: Path) -> None:
    verdict = check(MODEL, tmp_path, "BOUNDED", search=Search.ENDLESS)
    assert verdict.broken is None, verdict.trail
    assert verdict.states > 10_000


@needs_spin
@pytest.mark.parametrize("name", sorted(NO_DEFECTS))
def test_what_the_proof_does_not_need(tmp_path: Path, name: str) -> None:
    verdict = check(MODEL, tmp_path, "BOUNDED", name, search=Search.SHORTEST)
    assert verdict.broken is None, verdict.trail


@needs_spin
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found(tmp_path: Path, defect: str) -> None:
    bounded = ("BOUNDED",) if DEFECTS[defect] == "nothing is lost" else ()
    assert check(MODEL, tmp_path, defect, *bounded, search=Search.SHORTEST).broken == DEFECTS[defect]
