"""The account, the topic and the subscription as they are described, and as the simulator acts on what it says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.simulators.ses.simulator import Simulator, entry, simulator

QUEUE = "http://127.0.0.1:1/000000000000/ses-events"
TOPIC = "arn:aws:sns:eu-west-1:000000000000:ses-events"


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Simulator]:
    with simulator(folder / "journal.jsonl", *options) as ses:
        yield ses


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return refused.value.response["Error"]["Code"]


def test_an_account_in_the_sandbox_writes_to_verified_recipients_only(tmp_path: Path) -> None:
    with running(tmp_path, "--sandbox", "--identity", "acme.example") as ses:
        assert ses.client.get_account()["ProductionAccessEnabled"] is False
        ses.send("ann@acme.example")
        ses.send("bounce+1@simulator.amazonses.com")
        with pytest.raises(ClientError) as refused:
            ses.send("ann@example.com")
        assert code(refused) == "MessageRejected"
        statuses = [each["Status"] for each in ses.bulk(entry("ann@acme.example"), entry("ann@example.com"))]
        assert statuses == ["SUCCESS", "MESSAGE_REJECTED"]
        assert ses.accepted() == 3


@pytest.mark.parametrize(
    ("option", "error", "status"),
    [
        (("--sending-paused",), "SendingPausedException", "ACCOUNT_SENDING_PAUSED"),
        (("--enforcement", "SHUTDOWN"), "AccountSuspendedException", "ACCOUNT_SUSPENDED"),
    ],
)
def test_an_account_that_sends_nothing(tmp_path: Path, option: tuple[str, ...], error: str, status: str) -> None:
    with running(tmp_path, *option) as ses:
        assert ses.client.get_account()["SendingEnabled"] is False
        with pytest.raises(ClientError) as refused:
            ses.send()
        assert code(refused) == error
        assert [each["Status"] for each in ses.bulk(entry())] == [status]
        assert ses.accepted() == 0


def test_identities_that_wait_or_do_not_sign(tmp_path: Path) -> None:
    options = ("--identity", "acme.example", "--pending-identity", "new.example")
    with running(tmp_path, *options, "--identity-without-dkim", "bare.example") as ses:
        pending = ses.client.get_email_identity(EmailIdentity="new.example")
        assert (pending["VerifiedForSendingStatus"], pending["VerificationStatus"]) == (False, "PENDING")
        bare = ses.client.get_email_identity(EmailIdentity="bare.example")
        assert bare["VerifiedForSendingStatus"]
        assert bare["DkimAttributes"]["Status"] == "NOT_STARTED"
        with pytest.raises(ClientError) as refused:
            ses.client.get_email_identity(EmailIdentity="no-reply@acme.example")  # its domain is one, not the address
        assert code(refused) == "NotFoundException"
        ses.send(FromEmailAddress="a@bare.example")
        with pytest.raises(ClientError) as refused:
            ses.send(FromEmailAddress="a@new.example")
        assert code(refused) == "MessageRejected"


def test_a_configuration_set_that_does_not_send(tmp_path: Path) -> None:
    with running(tmp_path, "--paused-set", "main") as ses:
        described = ses.client.get_configuration_set(ConfigurationSetName="main")
        assert described["SendingOptions"] == {"SendingEnabled": False}
        with pytest.raises(ClientError) as refused:
            ses.send(ConfigurationSetName="main")
        assert code(refused) == "SendingPausedException"
        ses.send()


def test_a_tenant_that_does_not_send(tmp_path: Path) -> None:
    with running(tmp_path, "--tenant", "blue=acme.example,a@b.example,main", "--paused-tenant", "blue") as ses:
        assert ses.client.get_tenant(TenantName="blue")["Tenant"]["SendingStatus"] == "DISABLED"
        found = ses.client.list_tenant_resources(TenantName="blue", PageSize=2)
        last = ses.client.list_tenant_resources(TenantName="blue", NextToken=found["NextToken"])
        resources = [*found["TenantResources"], *last["TenantResources"]]
        assert [each["ResourceArn"].split(":")[-1] for each in resources] == [
            "identity/acme.example", "identity/a@b.example", "configuration-set/main",
        ]  # fmt: skip
        with pytest.raises(ClientError) as refused:
            ses.client.get_tenant(TenantName="red")
        assert code(refused) == "NotFoundException"
        with pytest.raises(ClientError) as refused:
            ses.send(TenantName="blue")
        assert code(refused) == "SendingPausedException"
        ses.send()


def test_an_operation_fails_by_a_rule_that_names_it(ses: Simulator) -> None:
    rule = {"kind": "refuse", "code": "AccessDeniedException", "times": 1}
    ses.add_faults(rule | {"match": {"operation": "GetAccount"}}, rule | {"match": {"operation": "SendBulkEmail"}})
    ses.send()
    with pytest.raises(ClientError) as refused:
        ses.client.get_account()
    assert code(refused) == "AccessDeniedException"
    ses.client.get_account()
    with pytest.raises(ClientError):
        ses.bulk(entry())


def test_a_rule_that_names_no_operation_is_for_mails(ses: Simulator) -> None:
    ses.add_faults({"kind": "refuse", "times": 1})
    ses.client.get_account()
    with pytest.raises(ClientError):
        ses.send()


def test_the_topic_and_its_subscription(tmp_path: Path) -> None:
    with running(tmp_path, "--queue-url", QUEUE) as ses:
        sns = boto3.client(
            "sns", endpoint_url=ses.url, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        (found,) = sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
        assert found["Endpoint"] == "arn:aws:sqs:eu-west-1:000000000000:ses-events"
        attributes = sns.get_subscription_attributes(SubscriptionArn=found["SubscriptionArn"])["Attributes"]
        assert attributes == {"RawMessageDelivery": "true"}
        assert "ses.amazonaws.com" in sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"]
        with pytest.raises(ClientError) as refused:
            sns.get_topic_attributes(TopicArn=f"{TOPIC}-2")
        assert code(refused) == "NotFound"
        assert sns.publish(PhoneNumber="+351912345678", Message="Hello")["MessageId"]
        types = ses.client.get_configuration_set_event_destinations(ConfigurationSetName="main")
        assert "DELIVERY_DELAY" in types["EventDestinations"][0]["MatchingEventTypes"]
        sns.close()
