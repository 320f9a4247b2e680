"""Parses one message of the queue: to events, a notice, or a dead letter that says why it can never be used."""

import json
from typing import Any, Protocol

import orjson

from bridge.feedback.events import feedback_of
from bridge.feedback.notices import notice_of
from bridge.feedback.sns_signature import Envelope
from notifier.errors import DecodeError, Unreachable
from notifier.feedback import DeadLetter, Feedback, Notice


class SignatureCheck(Protocol):
    """Checks whether an envelope is of our topic."""

    def check(self, envelope: Envelope) -> None:
        """Raise DecodeError if it is not, Unreachable if that cannot be checked now."""


class MessageParser:
    """Parses messages. With `signed`, only envelopes of SNS that pass its check; without it, only bare messages."""

    def __init__(self, signed: SignatureCheck | None) -> None:
        self._signed = signed

    def parse(self, body: str) -> list[Feedback] | Notice | DeadLetter:
        """Return what the message says. Raise Unreachable if it cannot be checked now whether it is genuine.

        A notice needs no signature: it is only logged.
        """
        try:
            if (notice := notice_of(body)) is not None:
                return notice
            return self._events(self._record(body))
        except DecodeError as error:
            return dead_letter(body, str(error))
        except Unreachable:
            raise
        except Exception as error:  # noqa: BLE001  a bug here must not keep the other messages from being settled
            return dead_letter(body, f"a mistake in Notifier: {type(error).__name__}")

    def _events(self, record: object) -> list[Feedback]:
        return feedback_of(record)

    def _record(self, body: str) -> object:
        message = _parsed(body)
        wrapped = isinstance(message, dict) and {"Type", "TopicArn", "Message"} <= message.keys()
        if self._signed is None:
            if wrapped:
                raise DecodeError(
                    "in an envelope of SNS: turn raw message delivery on, or set NOTIFIER_FEEDBACK_TOPIC_ARN"
                )
            return message
        if not wrapped:
            raise DecodeError(
                "not in an envelope of SNS, which NOTIFIER_FEEDBACK_TOPIC_ARN demands: is raw message delivery on?"
            )
        self._signed.check(message)
        return _parsed(message["Message"])


def dead_letter(body: str, error: str) -> DeadLetter:
    """Return the message as it came, with what is wrong."""
    return DeadLetter(body.encode("utf-8", "surrogatepass"), error)


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return _parsed_leniently(text)


def _parsed_leniently(text: str) -> Any:
    """Parse with the standard library, which accepts half a surrogate pair: SES cuts long headers anywhere."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise DecodeError("no JSON") from None
