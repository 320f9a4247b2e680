"""Which messages of a unit share a call to SES, and the content of the call."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifier.messages import Email, EmailContent, Message
from notifier.outcomes import Rejected
from notifier.text import sound
from tests.workers.channels.wire import Mail, Request
from workers.channels.header import header_text
from workers.channels.ses.bulk import MAX_BYTES, MAX_DATA, MAX_ENTRIES
from workers.channels.ses.calls import CallPlan, SesCall

SENDER = "Harbour <hello@example.com>"
HTML = EmailContent("S", "T", "<p>H</p>")
TEXT = EmailContent("S", "T", None)
texts = st.text(st.sampled_from('"\\{}\n\t\r/nu0') | st.characters(codec="utf-8")).map(sound)


def message(content: EmailContent = HTML, to: str = "ana@example.com", **more: Any):
    return Message(uuid4(), 1, Email(to, "any", **more), content)


def planned(*messages: Any, bulk_from: int | None = 1, configuration_set: str = "events") -> CallPlan:
    return CallPlan(messages, SENDER, configuration_set, bulk_from)


def mails(call: SesCall) -> list[Mail]:
    return Request("", {}, call.body).mails


def shapes(plan: CallPlan) -> list[tuple[str, tuple[int, ...]]]:
    assert not plan.rejected
    return [(call.operation, call.places) for call in plan.calls]


def test_a_bulk_call_has_the_shared_fields_of_its_mails_once() -> None:
    (call,) = planned(message(), message(), configuration_set="").calls
    body = json.loads(call.body)
    del body["BulkEmailEntries"]
    content = {"Subject": "{{subject}}", "Text": "{{text}}", "Html": "{{html}}"}
    template = {"TemplateContent": content, "TemplateData": "{}"}
    assert body == {"FromEmailAddress": SENDER, "DefaultContent": {"Template": template}}


def test_each_entry_has_its_own_mail() -> None:
    one = message(
        EmailContent('Say "hello"', "Ünï\n\\", "<b>\u2028</b>"), "Zoë <z@example.com>", headers={"X-A": "ü"}
    )
    two = message(to="bo@example.com")
    (call,) = planned(one, two).calls
    nid = str(one.notification_id)
    assert mails(call)[0] == Mail(
        "=?utf-8?q?Zo=C3=AB?= <z@example.com>",
        'Say "hello"',
        "Ünï\n\\",
        "<b>\u2028</b>",
        {"nid": nid, "att": "1"},
        {"X-Notification-Id": nid, "X-A": "=?utf-8?b?w7w=?="},
    )
    assert (mails(call)[1].to, mails(call)[1].nid) == ("bo@example.com", str(two.notification_id))


@given(texts, texts, st.none() | texts)
@example('"', "\\", '\\"\n\t\r')
@example("{", '{"text"', "}}")
@example("ü\x7f", "\u2028 \u20ac", "\U0001f600\ue000")
def test_the_values_of_an_entry_are_those_of_the_mail(subject: str, text: str, html: str | None) -> None:
    plan = planned(message(EmailContent(subject, text, html)))
    if plan.calls[0].operation == "SendBulkEmail":
        (entry,) = json.loads(plan.calls[0].body)["BulkEmailEntries"]
        values = json.loads(entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"])
        assert values == {"subject": header_text(subject), "text": text, **({} if html is None else {"html": html})}
    else:
        assert "{{" in f"{subject} {text} {html}"


def test_only_mails_with_the_same_shared_fields_share_a_call() -> None:
    plan = planned(
        message(),
        message(TEXT),
        message(sender="other@example.com"),
        message(reply_to="team@example.com"),
        message(sender=SENDER),
        message(TEXT),
    )
    assert {call.places for call in plan.calls} == {(0, 4), (1, 5), (2,), (3,)}
    bodies = {call.places: json.loads(call.body) for call in plan.calls}
    assert "Html" not in bodies[1, 5]["DefaultContent"]["Template"]["TemplateContent"]
    assert bodies[2,]["FromEmailAddress"] == "other@example.com"
    assert bodies[3,]["ReplyToAddresses"] == ["team@example.com"]
    assert {body["ConfigurationSetName"] for body in bodies.values()} == {"events"}


def test_no_call_has_more_entries_than_ses_accepts() -> None:
    plan = planned(*(message() for _ in range(2 * MAX_ENTRIES + 1)))
    assert [len(call.places) for call in plan.calls] == [MAX_ENTRIES, MAX_ENTRIES, 1]
    assert [place for call in plan.calls for place in call.places] == list(range(2 * MAX_ENTRIES + 1))


def test_no_call_is_longer_than_ses_accepts() -> None:
    plan = planned(*(message(EmailContent("S", "T", '"ü"' * 8_000)) for _ in range(40)))
    sizes = [len(call.body) for call in plan.calls]
    assert max(sizes) <= MAX_BYTES
    assert min(sizes[:-1]) > MAX_BYTES * 0.9
    assert sum(len(call.places) for call in plan.calls) == 40


def test_a_mail_too_long_for_a_template_is_sent_by_send_email() -> None:
    spare = MAX_DATA - len('{"subject":"S","text":""}')
    longest, longer = (message(EmailContent("S", "x" * length, None)) for length in (spare, spare + 1))
    assert shapes(planned(longest, longer)) == [("SendEmail", (1,)), ("SendBulkEmail", (0,))]


@pytest.mark.parametrize(
    "content", [EmailContent("{{s}}", "T", "H"), EmailContent("S", "{{", "H"), EmailContent("S", "T", "}{{")]
)
def test_a_mail_with_template_braces_is_sent_by_send_email(content: EmailContent) -> None:
    plan = planned(message(content), message())
    assert shapes(plan) == [("SendEmail", (0,)), ("SendBulkEmail", (1,))]
    (mail,) = mails(plan.calls[0])
    assert (mail.subject, mail.text, mail.html) == (content.subject, content.text, content.html)
    assert shapes(planned(message(headers={"X-Topic": "{{text}}"}))) == [("SendEmail", (0,))]


def test_too_few_mails_for_a_bulk_call_are_sent_singly() -> None:
    lone, pair = message(TEXT), [message(), message()]
    assert shapes(planned(lone, *pair, bulk_from=2)) == [("SendEmail", (0,)), ("SendBulkEmail", (1, 2))]
    assert shapes(planned(*pair, bulk_from=None)) == [("SendEmail", (0,)), ("SendEmail", (1,))]


@pytest.mark.parametrize("bulk_from", [1, 2, None])
def test_a_rejected_message_does_not_hold_back_others(bulk_from: int | None) -> None:
    bad = [message(to="nobody"), message(sender="nobody"), message(EmailContent("S", "\ud800", None))]
    plan = planned(message(), *bad, message(), bulk_from=bulk_from)
    assert [place for call in plan.calls for place in call.places] == [0, 4]
    assert list(plan.rejected) == [1, 2, 3]
    assert all(isinstance(each, Rejected) for each in plan.rejected.values())


def test_halves_divide_the_call() -> None:
    (call,) = planned(*(message(to=f"user{number}@example.com") for number in range(5))).calls
    first, second = call.halves()
    assert (first.places, second.places) == ((0, 1), (2, 3, 4))
    assert mails(first) + mails(second) == mails(call)
    (whole, half) = (json.loads(each.body) for each in (call, first))
    assert whole | {"BulkEmailEntries": []} == half | {"BulkEmailEntries": []}


@pytest.mark.parametrize("bulk_from", [1, None])
def test_one_mail_has_no_halves(bulk_from: int | None) -> None:
    (call,) = planned(message(), bulk_from=bulk_from).calls
    assert call.halves() == ()


def test_mails_of_different_tenants_and_configuration_sets_are_different_calls() -> None:
    plan = planned(
        message(), message(tenant="blue"), message(), message(configuration_set="red"), message(tenant="blue")
    )
    assert shapes(plan) == [("SendBulkEmail", (0, 2)), ("SendBulkEmail", (1, 4)), ("SendBulkEmail", (3,))]
    bodies = [json.loads(call.body) for call in plan.calls]
    assert [each.get("TenantName") for each in bodies] == [None, "blue", None]
    assert [each["ConfigurationSetName"] for each in bodies] == ["events", "events", "red"]


def test_a_single_mail_names_its_tenant_and_configuration_set() -> None:
    (call,) = planned(message(tenant="blue", configuration_set="red"), bulk_from=None).calls
    body = json.loads(call.body)
    assert (body["TenantName"], body["ConfigurationSetName"]) == ("blue", "red")


@pytest.mark.parametrize("bulk_from", [None, 1])
@pytest.mark.parametrize("wrong", [{"tenant": "a b"}, {"configuration_set": "a" * 65}])
def test_a_name_that_ses_cannot_have_is_rejected(wrong: dict[str, str], bulk_from: int | None) -> None:
    plan = planned(message(**wrong), bulk_from=bulk_from)
    assert isinstance(plan.rejected[0], Rejected)


def test_a_recipient_that_is_named_twice_is_one() -> None:
    named = {
        "to": ["ana@example.com", "Bo <bo@example.com>"],
        "cc": "ANA@example.com",
        "bcc": ["bo@example.com", "c@d.de"],
    }
    (call,) = planned(message(**named), bulk_from=None).calls
    assert json.loads(call.body)["Destination"] == {
        "ToAddresses": ["ana@example.com", "Bo <bo@example.com>"],
        "BccAddresses": ["c@d.de"],
    }
