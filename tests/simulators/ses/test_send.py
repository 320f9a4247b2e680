"""SendEmail and the operations that do not send, through boto3."""

import json
import re
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from tests.simulators.ses.simulator import SENDER, simple, simulator, tags

RAW = b"""\
From: Acme <no-reply@acme.example>
To: Ann <ann@example.com>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
X-SES-MESSAGE-TAGS: nid=n7, att=2
X-SES-CONFIGURATION-SET: main
X-Own: yes
Content-Type: text/plain; charset=utf-8

Good day
"""


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = raised.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_a_message_id_has_the_form_of_ses_and_is_unique(ses):
    ids = {ses.send(nid=f"n{number}")["MessageId"] for number in range(20)}
    assert len(ids) == 20
    group = "-[0-9a-f]{4}"
    assert all(
        re.fullmatch(rf"0102[0-9a-f]{{12}}-[0-9a-f]{{8}}{group * 3}-[0-9a-f]{{12}}-000000", one) for one in ids
    )


def test_all_parts_of_a_mail_are_kept(ses):
    content = {
        "Subject": {"Data": "Grüße & mehr"},
        "Body": {"Text": {"Data": "Guten Tag"}, "Html": {"Data": "<p>Guten Tag</p>"}},
        "Headers": [{"Name": "X-Notification-Id", "Value": "n1"}],
        "Attachments": [{"FileName": "ticket.pdf", "RawContent": b"%PDF"}],
    }
    answer = ses.send(
        Content={"Simple": content},
        Destination={"ToAddresses": ["Ann <ann@example.com>"], "CcAddresses": ["cc@example.com"]},
        ReplyToAddresses=["help@acme.example"],
        ConfigurationSetName="main",
        EmailTags=tags(nid="n1", att="3", tenant="blue"),
    )
    mail = ses.newest()
    assert mail["id"] == answer["MessageId"]
    assert (mail["from"], mail["to"], mail["cc"]) == (SENDER, ["Ann <ann@example.com>"], ["cc@example.com"])
    assert (mail["reply_to"], mail["configuration_set"]) == (["help@acme.example"], "main")
    assert (mail["subject"], mail["text"], mail["html"]) == ("Grüße & mehr", "Guten Tag", "<p>Guten Tag</p>")
    assert mail["headers"] == [["X-Notification-Id", "n1"]]
    assert mail["tags"] == [["nid", "n1"], ["att", "3"], ["tenant", "blue"]]
    assert mail["attachments"] == ["ticket.pdf"]


def test_an_inline_template_is_filled(ses):
    template = {"TemplateContent": {"Subject": "Hi {{name}}", "Text": "{{ name }}: {{count}}"}}
    ses.send(Content={"Template": template | {"TemplateData": json.dumps({"name": "Ann", "count": 3})}})
    assert (ses.newest()["subject"], ses.newest()["text"]) == ("Hi Ann", "Ann: 3")


def test_a_raw_message_brings_its_own_addresses_tags_and_configuration_set(ses):
    ses.client.send_email(Content={"Raw": {"Data": RAW}})
    mail = ses.newest()
    assert (mail["to"], mail["subject"], mail["text"]) == (["ann@example.com"], "Grüße", "Good day\n")
    assert (mail["nid"], mail["configuration_set"]) == ("n7", "main")
    assert ["X-Own", "yes"] in mail["headers"]


def test_an_operation_that_is_not_simulated_is_an_error_of_boto3(ses):
    with pytest.raises(ClientError) as raised:
        ses.client.list_contact_lists()
    assert code_of(raised) == ("UnknownOperationException", 404)


def test_the_account_has_a_quota(tmp_path):
    with simulator(tmp_path / "journal", "--rate", "14") as ses:
        ses.send()
        quota = ses.client.get_account()["SendQuota"]
    assert quota == {"Max24HourSend": -1.0, "MaxSendRate": 14.0, "SentLast24Hours": 1.0}


def test_only_known_identities_and_configuration_sets_if_any_are_given(tmp_path):
    known = ("--identity", "acme.example", "--configuration-set", "main")
    with simulator(tmp_path / "journal", *known) as ses:
        assert ses.client.get_email_identity(EmailIdentity="acme.example")["VerifiedForSendingStatus"]
        assert ses.client.get_configuration_set(ConfigurationSetName="main")["ConfigurationSetName"] == "main"
        ses.send(ConfigurationSetName="main", FromEmailAddress="a@mail.acme.example")
        with pytest.raises(ses.client.exceptions.MessageRejected, match="not verified"):
            ses.send(FromEmailAddress="a@other.example")
        with pytest.raises(ses.client.exceptions.BadRequestException, match="does not exist"):
            ses.send(ConfigurationSetName="other")
        with pytest.raises(ses.client.exceptions.NotFoundException):
            ses.client.get_email_identity(EmailIdentity="other.example")
        with pytest.raises(ses.client.exceptions.NotFoundException):
            ses.client.get_configuration_set_event_destinations(ConfigurationSetName="other")
        assert ses.accepted() == 1


def test_the_suppression_list(ses):
    client = ses.client
    for number in range(3):
        client.put_suppressed_destination(EmailAddress=f"A+{number}@example.com", Reason="BOUNCE")
    client.put_suppressed_destination(EmailAddress="b@example.com", Reason="COMPLAINT")
    kept = client.get_suppressed_destination(EmailAddress="a+0@example.com")["SuppressedDestination"]
    assert (kept["EmailAddress"], kept["Reason"]) == ("A+0@example.com", "BOUNCE")
    page = client.list_suppressed_destinations(Reasons=["BOUNCE"], PageSize=2)
    rest = client.list_suppressed_destinations(Reasons=["BOUNCE"], PageSize=2, NextToken=page["NextToken"])
    listed = page["SuppressedDestinationSummaries"] + rest["SuppressedDestinationSummaries"]
    assert [one["EmailAddress"] for one in listed] == [f"A+{number}@example.com" for number in range(3)]
    assert "NextToken" not in rest
    client.delete_suppressed_destination(EmailAddress="B@example.com")
    for ask in (client.get_suppressed_destination, client.delete_suppressed_destination):
        with pytest.raises(client.exceptions.NotFoundException):
            ask(EmailAddress="b@example.com")
    with pytest.raises(client.exceptions.BadRequestException):
        client.put_suppressed_destination(EmailAddress="c@example.com", Reason="WEATHER")


def test_a_request_of_the_wrong_shape_is_a_client_error(ses):
    for wrong in ([], {"EmailTags": {"Name": "nid"}}, {"Destination": {"ToAddresses": [7]}}, {"Content": []}):
        with pytest.raises(HTTPError) as raised:
            ses.request("/v2/email/outbound-emails", "POST", simple() | wrong if wrong else wrong)
        with raised.value as answer:
            assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "SerializationException")
    assert ses.accepted() == 0
