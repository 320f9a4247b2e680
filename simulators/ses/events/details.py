"""The part of an event that says what happened: `send`, `delivery`, `bounce` and so on."""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from simulators.ses.events.delivery_results import DeliveryResult, EventKind, MailEvent
from simulators.ses.mail import Receipt

_MEMBERS: Mapping[EventKind, str] = {
    EventKind.SEND: "send",
    EventKind.DELIVERY: "delivery",
    EventKind.BOUNCE: "bounce",
    EventKind.COMPLAINT: "complaint",
    EventKind.REJECT: "reject",
    EventKind.RENDERING_FAILURE: "failure",
    EventKind.DELIVERY_DELAY: "deliveryDelay",
}
_MTA = "a4-1.smtp-out.simulator.amazonses.com"
_BOUNCES: Mapping[DeliveryResult, tuple[str, str]] = {
    DeliveryResult.BOUNCED: ("General", "smtp; 550 5.1.1 user unknown"),
    DeliveryResult.GLOBALLY_SUPPRESSED: (
        "Suppressed",
        "Amazon SES has suppressed sending to this address: it has a recent history of bouncing as invalid.",
    ),
    DeliveryResult.SUPPRESSED: (
        "OnAccountSuppressionList",
        "Amazon SES did not send the message: the address is on the suppression list for your account.",
    ),
}


def describe(receipt: Receipt, happening: MailEvent) -> tuple[str, dict[str, Any]]:
    """The member's name and what it holds."""
    match happening.kind:
        case EventKind.SEND:
            detail: dict[str, Any] = {}
        case EventKind.DELIVERY:
            detail = _delivery(receipt, happening)
        case EventKind.BOUNCE:
            detail = _bounce(receipt, happening)
        case EventKind.COMPLAINT:
            detail = _complaint(receipt, happening)
        case EventKind.REJECT:
            detail = {"reason": "Bad content"}
        case EventKind.RENDERING_FAILURE:
            message = receipt.envelope.failure or "The address asked for it."
            detail = {"templateName": "inline", "errorMessage": message}
        case EventKind.DELIVERY_DELAY:
            detail = _delay(receipt, happening)
    return _MEMBERS[happening.kind], detail


def _delivery(receipt: Receipt, happening: MailEvent) -> dict[str, Any]:
    return {
        "timestamp": receipt.time,
        "processingTimeMillis": 250,
        "recipients": happening.recipients,
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": _MTA,
    }


def _bounce(receipt: Receipt, happening: MailEvent) -> dict[str, Any]:
    transient = happening.fate is DeliveryResult.OUT_OF_OFFICE
    subtype, diagnosis = ("General", "") if transient else _BOUNCES[happening.fate]
    why = {} if transient else {"action": "failed", "status": "5.1.1", "diagnosticCode": diagnosis}
    return {
        "bounceType": "Transient" if transient else "Permanent",
        "bounceSubType": subtype,
        "bouncedRecipients": [{"emailAddress": recipient, **why} for recipient in happening.recipients],
        "timestamp": receipt.time,
        "feedbackId": _feedback_id(receipt, happening),
        "reportingMTA": f"dns; {_MTA}",
    }


def _complaint(receipt: Receipt, happening: MailEvent) -> dict[str, Any]:
    return {
        "complainedRecipients": [{"emailAddress": recipient} for recipient in happening.recipients],
        "timestamp": receipt.time,
        "feedbackId": _feedback_id(receipt, happening),
        "complaintSubType": None,
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": receipt.time,
    }


def _delay(receipt: Receipt, happening: MailEvent) -> dict[str, Any]:
    why = {"status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host"}
    return {
        "timestamp": receipt.time,
        "delayType": "TransientCommunicationFailure",
        "expirationTime": receipt.time,
        "delayedRecipients": [{"emailAddress": recipient, **why} for recipient in happening.recipients],
    }


def _feedback_id(receipt: Receipt, happening: MailEvent) -> str:
    return f"{uuid5(NAMESPACE_OID, f'{receipt.message_id} {happening.kind} {happening.fate}')}-000000"
