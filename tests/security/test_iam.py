"""The policies of deploy/iam allow the calls that the code makes, and no others."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.security.calls import actions, services

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "deploy" / "iam"
ACCOUNT_OF_SMS = ROOT / "workers" / "channels" / "sms" / "end_user_messaging" / "account.py"
"""What only the doctor asks."""
MODULES = {
    "bridge": [*(ROOT / "bridge" / "stream").glob("*.py")],
    "feedback": [*(ROOT / "bridge" / "feedback").glob("*.py")],
    "status-sender": [*(ROOT / "workers" / "status_updates").glob("*.py")],
    "worker-email": [
        *(ROOT / "workers" / "channels" / "ses").glob("*.py"),
        ROOT / "workers" / "building" / "attachments.py",
    ],
    "doctor": [
        *(path for room in ("aws", "ses") for path in (ROOT / "notifier" / "doctor" / room).glob("*.py")),
        ACCOUNT_OF_SMS,
    ],
    "worker-sms": [path for path in (ROOT / "workers" / "channels" / "sms").rglob("*.py") if path != ACCOUNT_OF_SMS],
}

BESIDES = {"worker-email": {"ses:SendBulkTemplatedEmail"}}
"""Rights that no call has the name of. SES asks for this one, too, when SendBulkEmail is called, and it alone of the
two knows the sender's address (documentation of Anymail, "IAM permissions").
"""
KNOW_THE_SENDER = {"ses:SendBulkTemplatedEmail", "ses:SendEmail"}
"""The actions for which AWS defines the key `ses:FromAddress` (Service Authorization Reference)."""


def statements(name: str) -> list[dict[str, Any]]:
    policy = json.loads((POLICIES / f"{name}.json").read_text())
    assert policy["Version"] == "2012-10-17"
    found: list[dict[str, Any]] = policy["Statement"]
    return found


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_each_process_has_its_policy() -> None:
    assert {path.stem for path in POLICIES.glob("*.json")} == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_policy_allows_the_calls_of_its_process_and_no_others(name: str) -> None:
    called = actions(MODULES[name])
    assert called
    allowed = [each for one in statements(name) if one["Effect"] == "Allow" for each in listed(one["Action"])]
    assert sorted(allowed) == sorted(called | BESIDES.get(name, set()))


def test_the_sender_is_a_condition_only_of_actions_that_know_it() -> None:
    """A key that is missing from a request fails StringEquals: every bulk mail would be denied."""
    for one in statements("worker-email"):
        if KNOW_THE_SENDER.intersection(listed(one["Action"])):
            assert KNOW_THE_SENDER.issuperset(listed(one["Action"]))
            assert one["Condition"] == {"StringEquals": {"ses:FromAddress": "SENDER"}}
        else:
            assert "Condition" not in one


def test_mails_in_bulk_may_use_a_template_as_they_must() -> None:
    """A template is a required resource of both actions, and the text of each call is an inline one."""
    for one in statements("worker-email"):
        if any("Bulk" in action for action in listed(one["Action"])):
            assert "arn:aws:ses:REGION:ACCOUNT:template/*" in one["Resource"]


def test_every_module_that_makes_a_client_belongs_to_a_process() -> None:
    makers = [path for folder in ("bridge", "workers", "notifier") for path in (ROOT / folder).rglob("*.py")]
    other_makers = [path for path in makers if services(path) and not any(path in some for some in MODULES.values())]
    assert other_makers == []


@pytest.mark.parametrize("name", MODULES)
def test_no_policy_reaches_further_than_it_must(name: str) -> None:
    """A star stands only where AWS knows no resource for the action: lists, the account, subscriptions, numbers."""
    wide = {
        action
        for one in statements(name)
        if one["Effect"] == "Allow" and "*" in listed(one["Resource"])
        for action in listed(one["Action"])
    }
    assert wide <= {
        "dynamodb:ListStreams",
        "ses:GetAccount",
        "sms-voice:DescribeAccountAttributes",
        "sns:GetSubscriptionAttributes",
        "sns:Publish",
    }
    assert all("*" not in action for one in statements(name) for action in listed(one["Action"]))
