"""Event records as SES publishes them, of one mail of ours."""

import uuid
from datetime import UTC, datetime
from typing import Any

ID = uuid.UUID("0196f0a0-1111-7222-8333-444455556666")
MESSAGE_ID = "0102019a0c4b77aa-3f0c8a52-9d5e-4c0f-8f5b-2a1d6d0c7e11-000000"
SENT_AT = datetime(2026, 11, 25, 9, 30, 0, 123000, tzinfo=UTC)
LATER = datetime(2026, 11, 25, 9, 30, 7, 456000, tzinfo=UTC)
RECIPIENT = "ann.smith@example.com"


def mail(**changes: Any) -> dict[str, Any]:
    return {
        "timestamp": "2026-11-25T09:30:00.123Z",
        "source": "Acme <no-reply@acme.example>",
        "sourceArn": "arn:aws:ses:eu-west-1:123456789012:identity/acme.example",
        "sendingAccountId": "123456789012",
        "messageId": MESSAGE_ID,
        "destination": [RECIPIENT],
        "headersTruncated": False,
        "headers": [
            {"name": "From", "value": "Acme <no-reply@acme.example>"},
            {"name": "To", "value": RECIPIENT},
            {"name": "Subject", "value": "Bo wants to connect"},
            {"name": "X-Notification-Id", "value": str(ID)},
            {"name": "MIME-Version", "value": "1.0"},
        ],
        "commonHeaders": {
            "from": ["Acme <no-reply@acme.example>"],
            "to": [RECIPIENT],
            "messageId": MESSAGE_ID,
            "subject": "Bo wants to connect",
        },
        "tags": {
            "ses:operation": ["SendEmail"],
            "ses:configuration-set": ["notifier"],
            "ses:source-ip": ["192.0.2.10"],
            "ses:from-domain": ["acme.example"],
            "ses:caller-identity": ["notifier-worker"],
            "nid": [str(ID)],
            "att": ["2"],
        },
        **changes,
    }


def record(kind: str, member: str, what: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"eventType": kind, "mail": mail(**changes), member: what}


def send(**changes: Any) -> dict[str, Any]:
    return record("Send", "send", {}, **changes)


def delivery(**changes: Any) -> dict[str, Any]:
    what = {
        "timestamp": "2026-11-25T09:30:07.456Z",
        "processingTimeMillis": 7333,
        "recipients": [RECIPIENT],
        "smtpResponse": "250 2.0.0 OK 1764063007 a640c23a62f3a-b76549d1f57si1 - gsmtp",
        "remoteMtaIp": "192.0.2.20",
        "reportingMTA": "a4-12.smtp-out.eu-west-1.amazonses.com",
    }
    return record("Delivery", "delivery", what, **changes)


def bounce(kind: str = "Permanent", subtype: str = "General", **person: str) -> dict[str, Any]:
    what = {
        "feedbackId": "0102019a0c4b9d31-5d1f0c55-1111-4222-8333-000000000001-000000",
        "bounceType": kind,
        "bounceSubType": subtype,
        "bouncedRecipients": [{"emailAddress": RECIPIENT, **person}],
        "timestamp": "2026-11-25T09:30:07.456Z",
        "remoteMtaIp": "192.0.2.20",
        "reportingMTA": "dns; a4-12.smtp-out.eu-west-1.amazonses.com",
    }
    return record("Bounce", "bounce", what)


HARD = {
    "action": "failed",
    "status": "5.1.1",
    "diagnosticCode": f"smtp; 550 5.1.1 <{RECIPIENT}>: Recipient address rejected:\r\n  User unknown",
}
FULL = {"action": "failed", "status": "5.2.2", "diagnosticCode": "smtp; 552 5.2.2 mailbox is over its quota"}


def complaint(kind: str | None = "abuse", **what: Any) -> dict[str, Any]:
    told = {
        "feedbackId": "0102019a0c4bcf01-5d1f0c55-1111-4222-8333-000000000002-000000",
        "complaintSubType": None,
        "complainedRecipients": [{"emailAddress": RECIPIENT}],
        "timestamp": "2026-11-25T09:30:07.456Z",
        "userAgent": "ExampleCorp Feedback Loop (V0.01)",
        "complaintFeedbackType": kind,
        "arrivalDate": "2026-11-25T09:29:00.000Z",
        **what,
    }
    return record("Complaint", "complaint", told)


def reject() -> dict[str, Any]:
    return record("Reject", "reject", {"reason": "Bad content"})


def rendering_failure() -> dict[str, Any]:
    message = "Attribute 'name' is not present in the rendering data."
    return record("Rendering Failure", "failure", {"templateName": "inline", "errorMessage": message})


def delay() -> dict[str, Any]:
    person = {
        "emailAddress": RECIPIENT,
        "status": "4.4.1",
        "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host",
    }
    what = {
        "timestamp": "2026-11-25T09:30:07.456Z",
        "delayType": "TransientCommunicationFailure",
        "expirationTime": "2026-11-25T23:30:00.123Z",
        "delayedRecipients": [person],
    }
    return record("DeliveryDelay", "deliveryDelay", what)


def subscription(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    what = {
        "contactList": "acme",
        "timestamp": "2026-11-25T09:30:07.456Z",
        "source": "UnsubscribeHeader",
        "newTopicPreferences": new,
        "oldTopicPreferences": old,
    }
    return record("Subscription", "subscription", what)


def topics(**statuses: str) -> dict[str, Any]:
    named = [{"topicName": name, "subscriptionStatus": status} for name, status in statuses.items()]
    return {"unsubscribeAll": False, "topicSubscriptionStatus": named}


def opened() -> dict[str, Any]:
    what = {"ipAddress": "192.0.2.30", "timestamp": "2026-11-25T10:00:00.000Z", "userAgent": "Mozilla/5.0"}
    return record("Open", "open", what)


def click() -> dict[str, Any]:
    what = {
        "ipAddress": "192.0.2.30",
        "timestamp": "2026-11-25T10:00:01.000Z",
        "userAgent": "Mozilla/5.0",
        "link": "https://acme.example/confirm",
        "linkTags": {"place": ["top"]},
    }
    return record("Click", "click", what)


def by_eventbridge(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Email Sent",
        "source": "aws.ses",
        "account": "123456789012",
        "time": "2026-11-25T09:30:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:ses:eu-west-1:123456789012:configuration-set/notifier"],
        "detail": event,
    }


EVERY_KIND = {
    "send": send(),
    "delivery": delivery(),
    "hard bounce": bounce(**HARD),
    "soft bounce": bounce("Transient", "MailboxFull", **FULL),
    "out of office": bounce("Transient", "General"),
    "complaint": complaint(),
    "reject": reject(),
    "rendering failure": rendering_failure(),
    "delay": delay(),
    "unsubscribe": subscription({"unsubscribeAll": True}, {"unsubscribeAll": False}),
    "open": opened(),
    "click": click(),
    "by EventBridge": by_eventbridge(delivery()),
}
