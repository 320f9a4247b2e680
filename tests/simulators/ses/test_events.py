"""The events of a mail, which depend on its recipient."""

import json

import pytest

from tests.simulators.ses.queue_stub import queue_stub
from tests.simulators.ses.simulator import SENDER, bulk, entry, simulator
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def shared_queue():
    with queue_stub() as stub:
        yield stub


@pytest.fixture(scope="module")
def publisher(shared_queue, tmp_path_factory):
    with simulator(tmp_path_factory.mktemp("ses") / "journal", "--queue-url", shared_queue.url) as running:
        yield running


@pytest.fixture
def queue(shared_queue, publisher):
    """The queue of a simulator, both empty."""
    publisher.request("/_sim/reset", "POST")
    shared_queue.messages.clear()
    return shared_queue


@pytest.mark.parametrize(
    ("recipient", "kinds", "result"),
    [
        ("ann@example.com", ["Send", "Delivery"], "delivered"),
        ("success@simulator.amazonses.com", ["Send", "Delivery"], "delivered"),
        ("ooto@simulator.amazonses.com", ["Send", "Delivery", "Bounce"], "out of office"),
        ("delay@example.com", ["Send", "DeliveryDelay", "Delivery"], "delayed"),
        ("bounce@simulator.amazonses.com", ["Send", "Bounce"], "bounced"),
        ("bounce+7@example.com", ["Send", "Bounce"], "bounced"),
        ("Complaint@example.com", ["Send", "Delivery", "Complaint"], "complained"),
        ("suppressionlist@example.com", ["Send", "Bounce"], "globally suppressed"),
        ("reject@example.com", ["Send", "Reject"], "rejected"),
        ("renderingfailure@example.com", ["Rendering Failure"], "not rendered"),
    ],
)
def test_the_recipient_decides(publisher, queue, recipient, kinds, result):
    publisher.send(recipient, ConfigurationSetName="main")
    wait_until(lambda: len(queue.messages) >= len(kinds))
    assert sorted(queue.kinds()) == sorted(kinds)
    assert publisher.newest()["fate"] == result
    assert publisher.counts()["events"]["created"] == len(kinds)


def test_an_event_carries_the_tags_and_the_mail(publisher, queue):
    sent = publisher.send("Ann <ann@example.com>", "n5", ConfigurationSetName="main")
    wait_until(lambda: len(queue.messages) == 2)
    send, delivery = queue.of("Send"), queue.of("Delivery")
    mail = send["mail"]
    assert send["send"] == {}
    assert (mail["messageId"], mail["destination"]) == (sent["MessageId"], ["ann@example.com"])
    assert (mail["source"], mail["headersTruncated"]) == (SENDER, False)
    assert mail["timestamp"] == publisher.lines()[0]["time"]
    assert (mail["tags"]["nid"], mail["tags"]["att"]) == (["n5"], ["1"])
    assert mail["tags"]["ses:configuration-set"] == ["main"]
    assert mail["tags"]["ses:from-domain"] == ["acme.example"]
    assert {"ses:caller-identity", "ses:source-ip"} < set(mail["tags"])
    assert "ses:outgoing-ip" in delivery["mail"]["tags"]
    assert mail["commonHeaders"]["subject"] == "Hello"
    assert {"name": "Subject", "value": "Hello"} in mail["headers"]
    assert delivery["delivery"]["recipients"] == ["ann@example.com"]


def test_a_bounce_and_a_complaint_name_the_recipient(publisher, queue):
    publisher.send("bounce@example.com", ConfigurationSetName="main")
    publisher.send("complaint@example.com", ConfigurationSetName="main")
    wait_until(lambda: len(queue.messages) == 5)
    bounce, complaint = queue.of("Bounce")["bounce"], queue.of("Complaint")["complaint"]
    assert (bounce["bounceType"], bounce["bounceSubType"]) == ("Permanent", "General")
    assert [one["emailAddress"] for one in bounce["bouncedRecipients"]] == ["bounce@example.com"]
    assert complaint["complainedRecipients"] == [{"emailAddress": "complaint@example.com"}]
    assert complaint["complaintFeedbackType"] == "abuse"


def test_an_automatic_reply_is_a_bounce_without_a_diagnosis(publisher, queue):
    publisher.send("ooto@simulator.amazonses.com", ConfigurationSetName="main")
    wait_until(lambda: len(queue.messages) == 3)
    bounce = queue.of("Bounce")["bounce"]
    assert (bounce["bounceType"], bounce["bounceSubType"]) == ("Transient", "General")
    assert bounce["bouncedRecipients"] == [{"emailAddress": "ooto@simulator.amazonses.com"}]


def test_an_event_that_is_sent_twice_is_the_same(tmp_path):
    options = ("--event-duplication", "1", "--event-jitter", "0.2")
    with queue_stub() as queue, simulator(tmp_path / "j", "--queue-url", queue.url, *options) as ses:
        ses.send("complaint@example.com", ConfigurationSetName="main")
        wait_until(lambda: len(queue.messages) == 6)
        for kind in ("Send", "Delivery", "Complaint"):
            first, second = (event for event in queue.messages if event["eventType"] == kind)
            assert first == second


def test_a_suppressed_address_is_accepted_and_bounces(publisher, queue):
    publisher.client.put_suppressed_destination(EmailAddress="Ann@example.com", Reason="COMPLAINT")
    publisher.send("ann@EXAMPLE.com", ConfigurationSetName="main")
    wait_until(lambda: len(queue.messages) == 2)
    assert sorted(queue.kinds()) == ["Bounce", "Send"]
    assert queue.of("Bounce")["bounce"]["bounceSubType"] == "OnAccountSuppressionList"
    assert publisher.accepted() == 1


def test_without_a_configuration_set_nothing_is_published(publisher, queue):
    publisher.send(nid="without")
    publisher.send(nid="with", ConfigurationSetName="main")
    wait_until(lambda: len(queue.messages) == 2)
    assert {event["mail"]["tags"]["nid"][0] for event in queue.messages} == {"with"}
    assert publisher.counts()["events"]["created"] == 2


def test_recipients_of_one_mail_have_their_own_results(publisher, queue):
    people = ["ann@example.com", "bounce@example.com", "bob@example.com"]
    publisher.send(Destination={"ToAddresses": people}, ConfigurationSetName="main")
    wait_until(lambda: len(queue.messages) == 3)
    assert queue.of("Send")["mail"]["destination"] == people
    assert queue.of("Delivery")["delivery"]["recipients"] == ["ann@example.com", "bob@example.com"]


def test_the_send_event_of_a_template_has_no_subject(publisher, queue):
    publisher.bulk(entry(), ConfigurationSetName="main")
    wait_until(lambda: len(queue.messages) == 2)
    assert "subject" not in queue.of("Send")["mail"]["commonHeaders"]
    assert queue.of("Delivery")["mail"]["commonHeaders"]["subject"] == "Hello"


def test_a_template_that_cannot_be_rendered_is_only_reported_by_an_event(publisher, queue):
    request = bulk(entry(nid="n3"))
    request["DefaultContent"]["Template"]["TemplateContent"]["Html"] = "{{absent}}"
    publisher.client.send_bulk_email(**request, ConfigurationSetName="main")
    wait_until(lambda: queue.messages)
    failure = queue.of("Rendering Failure")
    assert "absent" in failure["failure"]["errorMessage"]
    assert failure["mail"]["tags"]["nid"] == ["n3"]


def test_long_headers_are_cut_and_tags_are_not(publisher, queue):
    headers = [{"Name": f"X-{number}", "Value": "a" * 900} for number in range(15)]
    content = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}, "Headers": headers}
    publisher.send(Content={"Simple": content}, ConfigurationSetName="main")
    wait_until(lambda: len(queue.messages) == 2)
    mail = queue.of("Send")["mail"]
    assert (mail["headersTruncated"], len(mail["headers"]) < 15, mail["tags"]["nid"]) == (True, True, ["n1"])


def test_an_event_can_come_in_the_envelope_of_sns(tmp_path):
    with queue_stub() as queue, simulator(tmp_path / "j", "--queue-url", queue.url, "--sns-envelope") as ses:
        sent = ses.send(ConfigurationSetName="main")
        wait_until(lambda: len(queue.messages) == 2)
        envelope = queue.messages[0]
        assert envelope["Type"] == "Notification"
        assert json.loads(envelope["Message"])["mail"]["messageId"] == sent["MessageId"]


def test_only_the_kinds_that_were_asked_for(tmp_path):
    options = ("--event-kinds", "Bounce", "Rendering Failure")
    with queue_stub() as queue, simulator(tmp_path / "j", "--queue-url", queue.url, *options) as ses:
        ses.send("ann@example.com", ConfigurationSetName="main")
        ses.send("bounce@example.com", ConfigurationSetName="main")
        wait_until(lambda: queue.messages)
        assert (queue.kinds(), ses.counts()["events"]["created"]) == (["Bounce"], 1)
        named = ses.client.get_configuration_set_event_destinations(ConfigurationSetName="main")
        assert named["EventDestinations"][0]["MatchingEventTypes"] == ["BOUNCE", "RENDERING_FAILURE"]
