"""Publishing of events: delayed, lost, duplicated, or to an unavailable queue. Sending never waits for it."""

import time

import boto3
import pytest

from simulators.ses.events.sqs import batches
from tests.simulators.ses.queue_stub import queue_stub
from tests.simulators.ses.simulator import entry, simulator
from tests.waiting import wait_until


def send_many(ses, count: int) -> None:
    for start in range(0, count, 50):
        ses.bulk(*(entry(nid=f"n{start + number}") for number in range(50)), ConfigurationSetName="main")


def test_every_event_comes_once_in_batches(tmp_path):
    with queue_stub() as queue, simulator(tmp_path / "j", "--queue-url", queue.url) as ses:
        send_many(ses, 200)
        wait_until(lambda: len(queue.messages) >= 400)
        events = wait_until(lambda: (tally := ses.counts()["events"])["pending"] == 0 and tally)
        assert (events["created"], events["delivered"], events["dropped"]) == (400, 400, 0)
        found = {(event["eventType"], event["mail"]["messageId"]) for event in queue.messages}
        assert (len(found), len(queue.messages)) == (400, 400)
        assert max(queue.batches) == 10


def test_an_archive_gets_the_same_events(tmp_path):
    with (
        queue_stub() as queue,
        queue_stub() as archive,
        simulator(tmp_path / "j", "--queue-url", queue.url, "--archive-url", archive.url) as ses,
    ):
        send_many(ses, 100)
        wait_until(lambda: ses.counts()["events"]["delivered"] == 200 and len(archive.messages) == 200)
        assert len(queue.messages) == 200
        found = [
            {(each["eventType"], each["mail"]["messageId"]) for each in one.messages} for one in (queue, archive)
        ]
        assert found[0] == found[1]


def test_loss_and_duplication_are_drawn_by_the_seed(tmp_path):
    tallies = []
    options = ("--event-loss", "0.3", "--event-duplication", "0.3", "--seed", "7")
    for attempt in range(2):
        with queue_stub() as queue, simulator(tmp_path / str(attempt), "--queue-url", queue.url, *options) as ses:
            send_many(ses, 200)
            events = wait_until(lambda ses=ses: (tally := ses.counts()["events"])["pending"] == 0 and tally)
            tallies.append(events)
            assert len(queue.messages) == 400 - events["lost"] + events["duplicated"] == events["delivered"]
    assert tallies[0] == tallies[1]
    assert 60 < tallies[0]["lost"] < 180
    assert 40 < tallies[0]["duplicated"] < 140


def test_an_event_waits_for_its_delay(tmp_path):
    options = ("--event-delay", "0.4", "--event-jitter", "0.1")
    with queue_stub() as queue, simulator(tmp_path / "j", "--queue-url", queue.url, *options) as ses:
        started = time.monotonic()
        ses.send(ConfigurationSetName="main")
        assert ses.counts()["events"]["pending"] == 2
        wait_until(lambda: len(queue.messages) == 2)
        assert time.monotonic() - started >= 0.4


def test_events_wait_for_an_unavailable_queue_and_sending_does_not(tmp_path):
    with queue_stub() as gone:
        port, url = gone.server_address[1], gone.url
    with simulator(tmp_path / "j", "--queue-url", url) as ses:
        send_many(ses, 100)
        wait_until(lambda: ses.counts()["events"]["queue_away"])
        assert ses.counts()["events"]["pending"] == 200
        with queue_stub(port) as queue:
            wait_until(lambda: ses.counts()["events"]["pending"] == 0, seconds=20)
            assert ses.counts()["events"]["queue_away"] is None
            assert len(queue.messages) == 200


def test_a_queue_that_fails_or_refuses_gets_the_events_again(tmp_path):
    with queue_stub() as queue, simulator(tmp_path / "j", "--queue-url", queue.url) as ses:
        queue.status = 503
        ses.send(ConfigurationSetName="main")
        wait_until(lambda: "503" in (ses.counts()["events"]["queue_away"] or ""))
        queue.failures = {"0": False}
        queue.status = 200
        wait_until(lambda: len(queue.messages) == 2)
        assert sorted(queue.kinds()) == ["Delivery", "Send"]
        queue.failures = {"0": True}
        ses.send(ConfigurationSetName="main")
        wait_until(lambda: ses.counts()["events"]["pending"] == 0)
        assert (ses.counts()["events"]["refused"], len(queue.messages)) == (1, 3)


def test_an_event_that_is_too_long_does_not_delay_the_others(tmp_path):
    options = ("--queue-connections", "1")
    with queue_stub() as queue, simulator(tmp_path / "j", "--queue-url", queue.url, *options) as ses:
        content = {"Subject": {"Data": "ü" * 150_000}, "Body": {"Text": {"Data": "t"}}}
        ses.send(ConfigurationSetName="main", Content={"Simple": content})
        ses.send(ConfigurationSetName="main")
        wait_until(lambda: ses.counts()["events"]["pending"] == 0)
        assert (ses.counts()["events"]["refused"], len(queue.messages)) == (2, 2)


def test_batches_stay_within_what_a_queue_takes():
    bodies = ["a" * 1000] * 25 + ["b" * 200_000] * 2 + ["ü" * 100_000, "c" * 300_000, "d"]
    found = list(batches(bodies))
    assert [body for batch in found for body in batch] == bodies
    assert [len(batch) for batch in found] == [10, 10, 6, 1, 1, 1, 1]


def test_a_queue_that_never_answers_delays_no_mail_and_the_buffer_is_bounded(tmp_path):
    options = ("--event-buffer", "100", "--queue-connections", "1")
    with queue_stub() as queue, simulator(tmp_path / "j", "--queue-url", queue.url, *options) as ses:
        queue.answering.clear()
        send_many(ses, 500)
        events = ses.counts()["events"]
        assert ses.accepted() == 500
        assert events["created"] == 1000
        assert events["pending"] <= 110
        assert events["dropped"] == 1000 - events["pending"]
        ses.process.terminate()
        assert ses.process.wait(10) == 0


@pytest.mark.parametrize("wrapped", [False, True], ids=["raw", "wrapped"])
def test_a_real_client_reads_the_events_from_ministack(ministack_server, tmp_path, wrapped):
    sqs = boto3.client(
        "sqs",
        endpoint_url=ministack_server.url,
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    url = sqs.create_queue(QueueName=f"ses-events-{wrapped}")["QueueUrl"]
    options = ["--queue-url", url, "--queue-endpoint", ministack_server.url] + ["--sns-envelope"] * wrapped
    received: list[str] = []

    def receive() -> bool:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        received.extend(message["Body"] for message in answer.get("Messages", []))
        return len(received) >= 40

    with simulator(tmp_path / "j", *options) as ses:
        ses.bulk(*(entry(nid=f"n{number}") for number in range(20)), ConfigurationSetName="main")
        wait_until(receive, seconds=20)
    assert all(sum(f'"n{number}"' in body.replace("\\", "") for body in received) == 2 for number in range(20))
    sqs.close()
