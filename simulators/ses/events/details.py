"""The member of an event that is named after its kind: `send`, `delivery`, `bounce` and so on."""

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


def describe(receipt: Receipt, event: MailEvent) -> tuple[str, dict[str, Any]]:
    """Return the name and the value of the member."""
    match event.kind:
        case EventKind.SEND:
            detail: dict[str, Any] = {}
        case EventKind.DELIVERY:
            detail = _delivery(receipt, event)
        case EventKind.BOUNCE:
            detail = _bounce(receipt, event)
        case EventKind.COMPLAINT:
            detail = _complaint(receipt, event)
        case EventKind.REJECT:
            detail = {"reason": "Bad content"}
        case EventKind.RENDERING_FAILURE:
            message = receipt.envelope.failure or "The address asked for it."
            detail = {"templateName": "inline", "errorMessage": message}
        case EventKind.DELIVERY_DELAY:
            detail = _delay(receipt, event)
    return _MEMBERS[event.kind], detail


def _delivery(receipt: Receipt, event: MailEvent) -> dict[str, Any]:
    return {
        "timestamp": receipt.time,
        "processingTimeMillis": 250,
        "recipients": event.recipients,
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": _MTA,
    }


def _bounce(receipt: Receipt, event: MailEvent) -> dict[str, Any]:
    transient = event.result is DeliveryResult.OUT_OF_OFFICE
    subtype, diagnosis = ("General", "") if transient else _BOUNCES[event.result]
    why = {} if transient else {"action": "failed", "status": "5.1.1", "diagnosticCode": diagnosis}
    return {
        "bounceType": "Transient" if transient else "Permanent",
        "bounceSubType": subtype,
        "bouncedRecipients": [{"emailAddress": recipient, **why} for recipient in event.recipients],
        "timestamp": receipt.time,
        "feedbackId": _feedback_id(receipt, event),
        "reportingMTA": f"dns; {_MTA}",
    }


def _complaint(receipt: Receipt, event: MailEvent) -> dict[str, Any]:
    return {
        "complainedRecipients": [{"emailAddress": recipient} for recipient in event.recipients],
        "timestamp": receipt.time,
        "feedbackId": _feedback_id(receipt, event),
        "complaintSubType": None,
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": receipt.time,
    }


def _delay(receipt: Receipt, event: MailEvent) -> dict[str, Any]:
    why = {"status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host"}
    return {
        "timestamp": receipt.time,
        "delayType": "TransientCommunicationFailure",
        "expirationTime": receipt.time,
        "delayedRecipients": [{"emailAddress": recipient, **why} for recipient in event.recipients],
    }


def _feedback_id(receipt: Receipt, event: MailEvent) -> str:
    return f"{uuid5(NAMESPACE_OID, f'{receipt.message_id} {event.kind} {event.result}')}-000000"
