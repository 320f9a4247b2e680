"""The stub of SES, through boto3."""

import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bench.measure.servers import REGION, Servers
from sandbox.system import CREDENTIALS

CONTENT = {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Html": {"Data": '<p class="ToAddresses">"é"</p>'}}}}


@pytest.fixture
def client(servers: Servers) -> Any:
    client = boto3.Session(*CREDENTIALS.values(), region_name=REGION).client("sesv2", endpoint_url=servers.ses.url)
    yield client
    client.close()


def send(client: Any, to: str) -> str:
    return client.send_email(FromEmailAddress="a@example.com", Destination={"ToAddresses": [to]}, Content=CONTENT)[
        "MessageId"
    ]


def send_bulk(client: Any, *recipients: str) -> list[dict]:
    data = '{"html": "\\"ToAddresses\\": [\\"nobody@example.com\\"]"}'
    answer = client.send_bulk_email(
        FromEmailAddress="a@example.com",
        DefaultContent={"Template": {"TemplateContent": {"Html": "{{html}}"}, "TemplateData": "{}"}},
        BulkEmailEntries=[
            {
                "Destination": {"ToAddresses": [to]},
                "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data}},
            }
            for to in recipients
        ],
    )
    return answer["BulkEmailEntryResults"]


def test_each_mail_has_a_unique_id(servers, client):
    ids = [send(client, f"{n}@example.com") for n in range(3)]
    results = send_bulk(client, "3@example.com", "4@example.com")
    assert [result["Status"] for result in results] == ["SUCCESS"] * 2
    ids += [result["MessageId"] for result in results]
    assert len(set(ids)) == 5
    assert servers.ses.counts() == {"accepted": 5, "duplicated": 0, "requests": 4}


def test_the_second_mail_to_a_recipient_is_a_duplicate_and_changes_no_time(servers, client):
    before = time.time()
    send(client, "a@example.com")
    first = servers.ses.accepted_at()
    assert before <= first["a@example.com"] <= time.time()
    send_bulk(client, "a@example.com", "b@example.com")
    assert servers.ses.counts() == {"accepted": 3, "duplicated": 1, "requests": 2}
    assert servers.ses.accepted_at().keys() == {"a@example.com", "b@example.com"}
    assert servers.ses.accepted_at()["a@example.com"] == first["a@example.com"]


def test_the_account_has_no_effective_rate_limit(client):
    assert client.get_account()["SendQuota"]["MaxSendRate"] >= 100_000


def test_other_operations_are_refused(client):
    with pytest.raises(ClientError, match="NotFoundException"):
        client.list_contact_lists()
