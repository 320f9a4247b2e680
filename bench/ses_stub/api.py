"""What the stub answers: SendEmail, SendBulkEmail and GetAccount of SESv2, and what a benchmark asks."""

from bench.ses_stub.mails import Mails
from sandbox.http.answers import Response, json_response
from sandbox.http.wire import Request

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
        self._routes = {
            ("POST", "/v2/email/outbound-emails"): self._send,
            ("POST", "/v2/email/outbound-bulk-emails"): self._send_bulk,
            ("GET", "/v2/email/account"): lambda _: json_response(_ACCOUNT),
            ("GET", "/_stub/counts"): self._counts,
            ("GET", "/_stub/mails"): self._times,
            ("POST", "/_stub/reset"): self._reset,
        }

    def answer(self, request: Request) -> Response:
        route = self._routes.get((request.method, request.path))
        return route(request) if route else _refused("NotFoundException", 404)

    def _send(self, request: Request) -> Response:
        ids = self._mails.accept(request.body)
        return Response(200, b'{"MessageId":"%b"}' % ids[0]) if ids else _refused("BadRequestException", 400)

    def _send_bulk(self, request: Request) -> Response:
        results = [b'{"Status":"SUCCESS","MessageId":"%b"}' % each for each in self._mails.accept(request.body)]
        return Response(200, b'{"BulkEmailEntryResults":[%b]}' % b",".join(results))

    def _counts(self, _: Request) -> Response:
        mails = self._mails
        return json_response({"accepted": mails.accepted, "duplicated": mails.duplicated, "requests": mails.requests})

    def _times(self, _: Request) -> Response:
        return json_response({recipient.decode(): at for recipient, at in self._mails.first.items()})

    def _reset(self, _: Request) -> Response:
        self._mails = Mails()
        return json_response({})


def _refused(code: str, status: int) -> Response:
    return Response(status, b'{"message":"the stub does not know this"}', headers=(("x-amzn-ErrorType", code),))
