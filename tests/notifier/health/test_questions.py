"""A question to a server, asked in the background."""

import threading

import pytest

from notifier.errors import Unreachable
from notifier.health.questions import LATE_SECONDS, Question, asking, broker_question, database_question
from tests.waiting import wait_until
from tests.workers.process.test_in_progress import Clock


def test_what_the_answer_says_is_kept_until_the_next_one() -> None:
    answers = ["away", ""]
    question = Question("database", lambda: answers.pop(0))
    assert question.trouble() == "not asked yet"
    question.ask_once()
    assert question.trouble() == "away"
    question.ask_once()
    assert question.trouble() == ""


def test_an_error_is_trouble_and_one_of_others_is_named_without_its_text() -> None:
    errors: list[Exception] = [Unreachable("the broker\ndoes not answer"), ValueError("postgresql://ana:secret@host")]

    def ask() -> str:
        raise errors.pop(0)

    question = Question("broker", ask)
    question.ask_once()
    assert question.trouble() == "the broker does not answer"
    question.ask_once()
    assert question.trouble() == "cannot be asked: ValueError"


def test_a_server_that_does_not_answer_is_trouble_and_keeps_no_caller_waiting() -> None:
    clock, answer = Clock(), threading.Event()
    question = Question("database", lambda: "" if answer.wait(30) else "late", seconds=0.01, clock=clock)
    question.start()
    try:
        clock.now += LATE_SECONDS + 1
        assert question.trouble() == f"no answer for {LATE_SECONDS + 1:.0f} s"
        answer.set()
        wait_until(lambda: question.trouble() == "")
    finally:
        question.stop()


def test_real_servers_answer(database_url: str, broker_url: str) -> None:
    questions = [database_question(database_url, "a test"), broker_question(broker_url, "email")]
    with asking(questions, wanted=True) as conditions:
        wait_until(lambda: all(each.trouble() == "" for each in conditions))
    for question in questions:
        question._close()


def test_no_server_is_asked_without_a_request() -> None:
    question = Question("database", lambda: "away")
    with asking([question], wanted=False) as conditions:
        assert conditions == []
    assert question.trouble() == "not asked yet"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (database_question("postgresql://127.0.0.1:1/none", "a test"), "the database does not answer"),
        (broker_question("redis://127.0.0.1:1/0", "email"), "no broker at redis://127.0.0.1:1"),
    ],
    ids=["Postgres", "Redis"],
)
def test_a_server_that_is_away_is_named(question: Question, words: str) -> None:
    question.ask_once()
    assert words in question.trouble()
