"""Each fault as the client sees it, and which mails were accepted."""

from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.simulators.ses.simulator import entry


@pytest.mark.parametrize(
    ("fault", "error", "accepted"),
    [
        ({"kind": "accept_then_cut"}, ConnectionClosedError, 1),
        ({"kind": "accept_then_hang"}, ReadTimeoutError, 1),
        ({"kind": "cut_before_accept"}, ConnectionClosedError, 0),
        ({"kind": "truncated", "body": "cut"}, ConnectionClosedError, 1),
        ({"kind": "slow", "seconds": 3600}, ReadTimeoutError, 0),
    ],
)
def test_the_answer_is_lost(ses, fault, error, accepted):
    ses.add_faults(fault | {"times": 1})
    with pytest.raises(error):
        ses.send()
    assert ses.accepted() == accepted
    assert "MessageId" in ses.send()


@pytest.mark.parametrize(
    ("fault", "code", "status", "accepted"),
    [
        ({"kind": "error_after_accept"}, "InternalFailure", 500, 1),
        ({"kind": "error_before_accept"}, "ServiceUnavailable", 503, 0),
        ({"kind": "error_before_accept", "status": 500}, "InternalFailure", 500, 0),
        ({"kind": "throttle"}, "TooManyRequestsException", 429, 0),
        ({"kind": "refuse"}, "MessageRejected", 400, 0),
        ({"kind": "refuse", "code": "SendingPausedException"}, "SendingPausedException", 400, 0),
        ({"kind": "refuse", "code": "AccountSuspendedException"}, "AccountSuspendedException", 400, 0),
        ({"kind": "refuse", "code": "NotFoundException"}, "NotFoundException", 404, 0),
        ({"kind": "refuse", "code": "ExpiredTokenException"}, "ExpiredTokenException", 403, 0),
        ({"kind": "refuse", "code": "Strange", "status": 418}, "Strange", 418, 0),
    ],
)
def test_the_answer_is_an_error(ses, fault, code, status, accepted):
    ses.add_faults(fault | {"times": 1})
    with pytest.raises(ClientError) as raised:
        ses.send()
    answer = raised.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert ses.accepted() == accepted


@pytest.mark.parametrize("body", ["broken", "empty", "short"])
def test_the_answer_comes_without_a_message_id(ses, body):
    ses.add_faults({"kind": "truncated", "body": body})
    assert "MessageId" not in ses.send()
    assert ses.accepted() == 1


def test_a_bulk_answer_lacks_its_last_result(ses):
    ses.add_faults({"kind": "truncated", "body": "short"})
    assert len(ses.bulk(entry(nid="n1"), entry(nid="n2"))) == 1
    assert ses.accepted() == 2


def test_a_slow_answer_comes_after_all(ses):
    ses.add_faults({"kind": "slow", "seconds": 0.05})
    assert "MessageId" in ses.send()


def test_a_bulk_call_is_cut_after_all_of_it_was_accepted(ses):
    ses.add_faults({"kind": "accept_then_cut", "times": 1})
    with pytest.raises(ConnectionClosedError):
        ses.bulk(*(entry(nid=f"n{number}") for number in range(50)))
    assert ses.accepted() == 50


def test_each_third_request_and_no_more_than_twice(ses):
    ses.add_faults({"kind": "throttle", "every": 3, "times": 2})
    outcomes = []
    for number in range(12):
        try:
            ses.send(nid=f"n{number}")
            outcomes.append(".")
        except ses.client.exceptions.TooManyRequestsException:
            outcomes.append("x")
    assert "".join(outcomes) == "..x..x......"


def test_a_rule_can_be_for_a_recipient_or_a_notification(ses):
    ses.add_faults(
        {"kind": "refuse", "match": {"recipient": "*@SLOW.example"}},
        {"kind": "throttle", "match": {"nid": "n9"}},
    )
    ses.send("ann@example.com")
    with pytest.raises(ses.client.exceptions.MessageRejected):
        ses.send("Bob <bob@slow.example>")
    with pytest.raises(ses.client.exceptions.TooManyRequestsException):
        ses.bulk(entry(nid="n1"), entry(nid="n9"))
    assert ses.accepted() == 1


def test_entries_fail_alone(ses):
    ses.add_faults({"kind": "entry_status", "entry_status": "TRANSIENT_FAILURE", "every": 2, "times": 2})
    results = ses.bulk(*(entry(nid=f"n{number}") for number in range(6)))
    failed = "TRANSIENT_FAILURE"
    assert [one["Status"] for one in results] == ["SUCCESS", failed, "SUCCESS", failed, "SUCCESS", "SUCCESS"]
    assert [line["nid"] for line in ses.lines()] == ["n0", "n2", "n4", "n5"]


def test_a_request_fails_by_the_first_rule_that_fires(ses):
    ses.add_faults({"kind": "throttle", "times": 1}, {"kind": "refuse", "times": 1})
    with pytest.raises(ses.client.exceptions.TooManyRequestsException):
        ses.send()
    with pytest.raises(ses.client.exceptions.MessageRejected):
        ses.send()
    assert "MessageId" in ses.send()


def test_the_plan_can_be_read_and_cleared(ses):
    added = ses.add_faults({"kind": "slow", "seconds": 0, "times": 5, "match": {"nid": "n1"}})
    assert added == [
        {"kind": "slow", "times": 5, "every": 1, "match": {"nid": "n1"}, "seen": 0, "fired": 0, "seconds": 0}
    ]
    ses.send()
    assert ses.request("/_sim/faults")[0]["fired"] == 1
    assert ses.request("/_sim/faults", "DELETE") == []
    ses.send()
    assert ses.counts()["faults"] == {"slow": 1}


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "unknown"},
        {"kind": "slow", "secs": 1},
        {"kind": "slow", "seconds": -1},
        {"kind": "throttle", "every": 0},
        {"kind": "throttle", "times": 0},
        {"kind": "throttle", "match": {"subject": "x"}},
        {"kind": "truncated", "body": "half"},
        "throttle",
    ],
)
def test_a_wrong_rule_is_refused_and_none_is_added(ses, rule):
    with pytest.raises(HTTPError) as raised:
        ses.add_faults({"kind": "throttle"}, rule)
    with raised.value as answer:
        assert answer.status == 400
    assert ses.request("/_sim/faults") == []
