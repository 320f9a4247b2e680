"""The JSON of the events that SES publishes about a mail."""

from typing import Any

from simulators.ses.account.account import Account
from simulators.ses.events.delivery_results import EventKind, MailEvent
from simulators.ses.events.details import describe
from simulators.ses.limits import bare
from simulators.ses.mail import Envelope, Receipt

MAX_HEADERS_BYTES = 10 * 1024


def record(account: Account, receipt: Receipt, event: MailEvent) -> dict[str, Any]:
    """Return the JSON of one event. It is the same each time, because SES repeats events unchanged."""
    name, detail = describe(receipt, event)
    return {"eventType": event.kind, "mail": _mail(account, receipt, event.kind), name: detail}


def _mail(account: Account, receipt: Receipt, kind: EventKind) -> dict[str, Any]:
    envelope = receipt.envelope
    source = bare(envelope.sender)
    mail = {
        "timestamp": receipt.time,
        "source": envelope.sender,
        "sourceArn": f"arn:aws:ses:{account.region}:{account.account_id}:identity/{source}",
        "sendingAccountId": account.account_id,
        "messageId": receipt.message_id,
        "destination": [bare(recipient) for recipient in envelope.recipients],
        "headersTruncated": False,
        "tags": _tags(envelope, source, kind),
    }
    if kind is EventKind.RENDERING_FAILURE:
        return mail
    # SES publishes Send before it renders a template.
    subject = None if envelope.templated and kind is EventKind.SEND else envelope.subject
    headers, truncated = _headers(envelope, subject)
    common = {"from": [envelope.sender], "to": envelope.to, "messageId": receipt.message_id, "subject": subject}
    return mail | {
        "headersTruncated": truncated,
        "headers": headers,
        "commonHeaders": {name: value for name, value in common.items() if value is not None},
    }


def _headers(envelope: Envelope, subject: str | None) -> tuple[list[dict[str, str]], bool]:
    own = (("From", envelope.sender), ("To", ", ".join(envelope.to)), ("Subject", subject))
    size = 0
    kept: list[dict[str, str]] = []
    for name, value in (*own, *envelope.headers, ("MIME-Version", "1.0")):
        if value is None:
            continue
        size += len(name) + len(value)
        if size > MAX_HEADERS_BYTES:
            return kept, True
        kept.append({"name": name, "value": value})
    return kept, False


def _tags(envelope: Envelope, source: str, kind: EventKind) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = {
        "ses:operation": [envelope.operation],
        "ses:configuration-set": [envelope.configuration_set or ""],
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": [source.rpartition("@")[2]],
        "ses:caller-identity": ["simulator"],
    }
    if kind in (EventKind.DELIVERY, EventKind.BOUNCE, EventKind.COMPLAINT):
        tags["ses:outgoing-ip"] = ["192.0.2.1"]
    for name, value in envelope.tags:
        tags.setdefault(name, []).append(value)
    return tags
