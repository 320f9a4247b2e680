"""Event records of SES, one of every type, and the feedback that each becomes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.feedback.events import feedback_of
from notifier.errors import DecodeError
from notifier.feedback import Feedback, FeedbackKind
from tests.bridge.feedback import records
from tests.bridge.feedback.records import HARD, ID, LATER, MESSAGE_ID, RECIPIENT, SENT_AT, topics

PROOF = Feedback(FeedbackKind.SEND, MESSAGE_ID, SENT_AT, SENT_AT, ID, 2, RECIPIENT, configuration_set="notifier")

OTHER = replace(PROOF, kind=FeedbackKind.OTHER)
"""It proves the acceptance, and is not the `send` event that every accepted message has."""


def happened(kind: FeedbackKind, **more: Any) -> Feedback:
    return replace(PROOF, **{"kind": kind, "occurred_at": LATER, **more})


SAID = {
    "send": PROOF,
    "delivery": happened(FeedbackKind.DELIVERY),
    "hard bounce": happened(
        FeedbackKind.BOUNCE,
        permanent=True,
        detail="Permanent/General: smtp; 550 5.1.1 <…>: Recipient address rejected: User unknown",
    ),
    "soft bounce": happened(
        FeedbackKind.BOUNCE, detail="Transient/MailboxFull: smtp; 552 5.2.2 mailbox is over its quota"
    ),
    "out of office": replace(OTHER, detail="an automatic answer"),
    "complaint": happened(FeedbackKind.COMPLAINT, detail="abuse"),
    "reject": happened(FeedbackKind.REJECT, occurred_at=SENT_AT, detail="Bad content"),
    "rendering failure": happened(
        FeedbackKind.RENDERING_FAILURE,
        occurred_at=SENT_AT,
        detail="Attribute 'name' is not present in the rendering data.",
    ),
    "delay": happened(
        FeedbackKind.DELAY,
        detail="TransientCommunicationFailure: smtp; 421 4.4.1 Unable to connect to remote host",
    ),
    "unsubscribe": happened(FeedbackKind.UNSUBSCRIBE),
    "open": OTHER,
    "click": OTHER,
    "by EventBridge": happened(FeedbackKind.DELIVERY),
}


@pytest.mark.parametrize("name", records.EVERY_KIND)
def test_every_type_of_event_is_understood(name: str) -> None:
    assert feedback_of(records.EVERY_KIND[name]) == [SAID[name]]


@pytest.mark.parametrize(
    ("subtype", "person", "kind"),
    [
        ("Suppressed", HARD, FeedbackKind.BOUNCE),
        ("NoEmail", {}, FeedbackKind.BOUNCE),
        ("General", HARD, FeedbackKind.BOUNCE),
        ("OnAccountSuppressionList", HARD, FeedbackKind.SUPPRESSED),
        ("OnAccountSuppressionList", {}, FeedbackKind.SUPPRESSED),
        ("OnTenantSuppressionList", HARD, FeedbackKind.SUPPRESSED),
    ],
)
def test_an_address_that_the_provider_suppresses_will_never_work(
    subtype: str, person: dict[str, str], kind: FeedbackKind
) -> None:
    (said,) = feedback_of(records.bounce("Permanent", subtype, **person))
    assert (said.kind, said.permanent) == (kind, True)


@pytest.mark.parametrize("subtype", ["OnAccountSuppressionList", "OnTenantSuppressionList"])
def test_a_complaint_that_the_provider_remembers_is_no_new_one(subtype: str) -> None:
    (said,) = feedback_of(records.complaint(None, complaintSubType=subtype))
    assert (said.kind, said.permanent) == (FeedbackKind.SUPPRESSED, False)


@pytest.mark.parametrize(
    ("kind", "subtype", "person"),
    [
        ("Transient", "General", {"status": "4.4.7"}),
        ("Transient", "General", {"diagnosticCode": "smtp; 451 try later"}),
        ("Transient", "MailboxFull", {}),
        ("Undetermined", "Undetermined", {}),
    ],
)
def test_only_a_bounce_without_any_reason_is_an_answering_machine(
    kind: str, subtype: str, person: dict[str, str]
) -> None:
    (said,) = feedback_of(records.bounce(kind, subtype, **person))
    assert (said.kind, said.permanent) == (FeedbackKind.BOUNCE, False)


def test_a_person_who_says_that_it_is_no_spam_does_not_complain() -> None:
    assert feedback_of(records.complaint("not-spam")) == [OTHER]


@pytest.mark.parametrize("people", [None, [], [{}], ["x"], "x"])
def test_a_complaint_need_not_say_who_it_was(people: Any) -> None:
    event = records.complaint(None, complainedRecipients=people)
    assert feedback_of(event) == [happened(FeedbackKind.COMPLAINT)]


def test_each_topic_that_somebody_leaves_is_an_event_of_its_own() -> None:
    old = topics(news="OptIn", offers="OptIn", travel="OptOut", jobs="OptIn")
    new = topics(news="OptOut", offers="OptOut", travel="OptOut", jobs="OptIn")
    said = feedback_of(records.subscription(new, old))
    assert [each.topic for each in said] == ["news", "offers"]
    assert [each.occurred_at - LATER for each in said] == [timedelta(0), timedelta(microseconds=1)]
    assert {each.kind for each in said} == {FeedbackKind.UNSUBSCRIBE}


def test_a_person_who_comes_back_leaves_nothing() -> None:
    assert feedback_of(records.subscription(topics(news="OptIn"), topics(news="OptOut"))) == [OTHER]


def test_what_happened_without_a_time_happened_when_it_was_sent() -> None:
    event = records.delivery()
    del event["delivery"]["timestamp"]
    assert feedback_of(event) == [happened(FeedbackKind.DELIVERY, occurred_at=SENT_AT)]


@pytest.mark.parametrize(
    ("tags", "id_", "attempt"),
    [
        ({}, None, None),
        ({"nid": [str(ID)]}, ID, None),
        ({"nid": [str(ID)], "att": ["0"]}, ID, None),
        ({"nid": [str(ID)], "att": ["-1"]}, ID, None),
        ({"nid": [str(ID)], "att": ["9" * 30]}, ID, None),
        ({"nid": [str(ID)], "att": ["1"]}, ID, 1),
        ({"nid": ["order-7"], "att": ["1"]}, None, 1),
        ({"nid": [str(ID).replace("-", "")], "att": ["1"]}, None, 1),
        ({"nid": ["{" + str(ID) + "}"], "att": ["1"]}, None, 1),
        ({"nid": [], "att": []}, None, None),
        ({"nid": str(ID), "att": 1}, None, None),
        (None, None, None),
    ],
)
def test_only_tags_that_are_ours_name_a_notification(tags: Any, id_: Any, attempt: Any) -> None:
    (said,) = feedback_of(records.send(tags=tags))
    assert (said.notification_id, said.attempt) == (id_, attempt)


@pytest.mark.parametrize("time", ["2026-11-25T09:30:00.123", "2026-11-25T10:30:00.123+01:00"])
def test_times_are_in_utc(time: str) -> None:
    assert feedback_of(records.send(timestamp=time)) == [PROOF]


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ([], "no JSON object"),
        ("Send", "no JSON object"),
        (None, "no JSON object"),
        ({}, "eventType"),
        ({"eventType": "Sent", "mail": records.mail()}, "eventType"),
        ({"eventType": ["Send"], "mail": records.mail()}, "eventType"),
        ({"eventType": "Send"}, "messageId"),
        (records.send(messageId=None), "messageId"),
        (records.send(messageId=""), "messageId"),
        (records.send(messageId="x" * 300), "messageId"),
        (records.send(messageId="a\0b"), "messageId"),
        (records.send(messageId="a\ud800b"), "messageId"),
        (records.send(timestamp="yesterday"), "timestamp"),
        (records.send(timestamp=1764063000), "timestamp"),
        (records.send(timestamp="0001-01-01T00:00:00+14:00"), "timestamp"),
        ({"notificationType": "Delivery", "mail": records.mail()}, "configuration set"),
        (records.by_eventbridge({"eventType": "Sent"}), "eventType"),
    ],
)
def test_what_cannot_be_understood_says_why_and_quotes_nothing(event: Any, says: str) -> None:
    with pytest.raises(DecodeError, match=says) as error:
        feedback_of(event)
    assert "@" not in str(error.value)


def test_a_diagnosis_is_kept_short_and_without_addresses() -> None:
    code = "smtp; 550 " + "<Ann@Example.com> 'bo@b.example' c@c.example; " * 50
    (said,) = feedback_of(records.bounce("Permanent", "General", status="5.1.1", diagnosticCode=code))
    assert said.detail
    assert "@" not in said.detail
    assert len(said.detail) <= 500


def test_a_bounce_of_a_mail_to_several_names_those_that_bounced() -> None:
    told = records.bounce(**records.HARD)
    told["mail"]["destination"] = ["ana@example.com", "bo@example.com", "cy@example.com"]
    told["bounce"]["bouncedRecipients"] = [{"emailAddress": "bo@example.com"}, {"emailAddress": "cy@example.com"}]
    first, second = feedback_of(told)
    assert [each.recipient for each in (first, second)] == ["bo@example.com", "cy@example.com"]
    assert all(each.permanent and each.kind is FeedbackKind.BOUNCE for each in (first, second))
    assert first.occurred_at != second.occurred_at
    assert feedback_of(told) == [first, second]


def test_an_event_that_names_more_people_than_a_mail_has_is_read() -> None:
    told = records.bounce(**records.HARD)
    told["mail"]["destination"] = ["ana@example.com", "bo@example.com"]
    told["bounce"]["bouncedRecipients"] = [{"emailAddress": f"a{number}@example.com"} for number in range(1_500)]
    assert len({each.occurred_at for each in feedback_of(told)}) == 1_000


def test_two_bounces_of_one_mail_at_the_same_time_are_two_events() -> None:
    told = [records.bounce(**records.HARD) for _ in range(2)]
    for each, address in zip(told, ["bo@example.com", "cy@example.com"], strict=True):
        each["mail"]["destination"] = ["ana@example.com", "bo@example.com", "cy@example.com"]
        each["bounce"]["bouncedRecipients"] = [{"emailAddress": address}]
    (first,), (second,) = map(feedback_of, told)
    assert first.occurred_at != second.occurred_at
    assert abs(first.occurred_at - second.occurred_at) < timedelta(milliseconds=1)


def test_an_event_of_a_mail_to_several_proves_that_all_was_accepted() -> None:
    told = records.send(destination=["ana@example.com", "bo@example.com"])
    (found,) = feedback_of(told)
    assert (found.kind, found.recipient, found.notification_id) == (FeedbackKind.SEND, None, records.ID)


def test_a_complaint_about_a_mail_to_several_is_of_the_one_who_complained() -> None:
    told = records.complaint(complainedRecipients=[{"emailAddress": "bo@example.com"}])
    told["mail"]["destination"] = ["ana@example.com", "bo@example.com"]
    assert [each.recipient for each in feedback_of(told)] == ["bo@example.com"]
