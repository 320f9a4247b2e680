"""The part of an event that says what happened: `send`, `delivery`, `bounce`, `complaint`, `reject`, `failure`."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sandbox.ses.fates import EventKind, Fate, Happening
from sandbox.ses.mail import Envelope

_MTA = "a4-1.smtp-out.simulator.amazonses.com"
_BOUNCES: Mapping[Fate, tuple[str, str]] = {
    Fate.BOUNCED: ("General", "smtp; 550 5.1.1 user unknown"),
    Fate.GLOBALLY_SUPPRESSED: (
        "Suppressed",
        "Amazon SES has suppressed sending to this address: it has a recent history of bouncing as invalid.",
    ),
    Fate.SUPPRESSED: (
        "OnAccountSuppressionList",
        "Amazon SES did not send the message: the address is on the suppression list for your account.",
    ),
}


def describe(envelope: Envelope, happening: Happening, time: str) -> tuple[str, dict[str, Any]]:
    """The member's name and what it holds."""
    match happening.kind:
        case EventKind.SEND:
            return "send", {}
        case EventKind.DELIVERY:
            return "delivery", _delivery(happening, time)
        case EventKind.BOUNCE:
            return "bounce", _bounce(happening, time)
        case EventKind.COMPLAINT:
            return "complaint", _complaint(happening, time)
        case EventKind.REJECT:
            return "reject", {"reason": "Bad content"}
        case EventKind.RENDERING_FAILURE:
            message = envelope.failure or "The address asked for it."
            return "failure", {"templateName": "inline", "errorMessage": message}


def _delivery(happening: Happening, time: str) -> dict[str, Any]:
    return {
        "timestamp": time,
        "processingTimeMillis": 250,
        "recipients": happening.recipients,
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": _MTA,
    }


def _bounce(happening: Happening, time: str) -> dict[str, Any]:
    subtype, diagnosis = _BOUNCES[happening.fate]
    bounced = [
        {"emailAddress": recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": diagnosis}
        for recipient in happening.recipients
    ]
    return {
        "bounceType": "Permanent",
        "bounceSubType": subtype,
        "bouncedRecipients": bounced,
        "timestamp": time,
        "feedbackId": f"{uuid4()}-000000",
        "reportingMTA": f"dns; {_MTA}",
    }


def _complaint(happening: Happening, time: str) -> dict[str, Any]:
    return {
        "complainedRecipients": [{"emailAddress": recipient} for recipient in happening.recipients],
        "timestamp": time,
        "feedbackId": f"{uuid4()}-000000",
        "complaintSubType": None,
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": time,
    }
