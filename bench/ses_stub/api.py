"""The requests that the stub answers: SendEmail, SendBulkEmail and GetAccount of SESv2, and those of benchmarks."""

from collections.abc import Callable
from typing import Any

import orjson

from bench.ses_stub.mails import Mails
from bench.ses_stub.server import Request

_FAST = 1_000_000.0
_ACCOUNT = {
    "DedicatedIpAutoWarmupEnabled": False,
    "EnforcementStatus": "HEALTHY",
    "ProductionAccessEnabled": True,
    "SendQuota": {"Max24HourSend": _FAST * 86_400, "MaxSendRate": _FAST, "SentLast24Hours": 0.0},
    "SendingEnabled": True,
}


class Api:
    def __init__(self) -> None:
        self._mails = Mails()
        self._sends = {
            b"POST /v2/email/outbound-emails": _single,
            b"POST /v2/email/outbound-bulk-emails": _bulk,
        }
        self._questions: dict[bytes, Callable[[], Any]] = {
            b"GET /v2/email/account": lambda: _ACCOUNT,
            b"GET /_stub/counts": self._counts,
            b"GET /_stub/mails": self._times,
            b"POST /_stub/reset": self._reset,
        }

    def answer(self, request: Request) -> tuple[int, bytes]:
        """The status and the body of the response."""
        if (write := self._sends.get(request.line)) is not None:
            return 200, write(self._mails.accept(request.body, request.start, request.stop))
        if (ask := self._questions.get(request.line)) is not None:
            return 200, orjson.dumps(ask())
        return 404, b'{"__type":"NotFoundException","message":"the stub does not know this"}'

    def _counts(self) -> dict[str, int]:
        mails = self._mails
        return {"accepted": mails.accepted, "duplicated": mails.duplicated, "requests": mails.requests}

    def _times(self) -> dict[str, float]:
        return {recipient.decode(): at for recipient, at in self._mails.first.items()}

    def _reset(self) -> None:
        self._mails = Mails()


def _single(ids: list[bytes]) -> bytes:
    return b'{"MessageId":"%b"}' % ids[0]


def _bulk(ids: list[bytes]) -> bytes:
    return b'{"BulkEmailEntryResults":[%b]}' % b",".join(
        b'{"Status":"SUCCESS","MessageId":"%b"}' % id_ for id_ in ids
    )
