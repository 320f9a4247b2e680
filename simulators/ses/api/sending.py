"""SendEmail: one request, one mail."""

from dataclasses import dataclass

from simulators.http.messages import Request
from simulators.http.replies import Reply, Response, json_response
from simulators.ses.account.acceptance import Acceptance
from simulators.ses.account.account import Account
from simulators.ses.account.throttle import Bucket
from simulators.ses.api.compose import compose
from simulators.ses.errors import ApiError
from simulators.ses.faults import Plan
from simulators.ses.faults_enact import apply_fault
from simulators.ses.fields import decode
from simulators.ses.mail import Envelope, Mail

THROTTLED = "Maximum sending rate exceeded."


@dataclass(slots=True)
class RequestCounts:
    """Requests count calls; refused counts mails; throttled counts those that were refused for being too fast."""

    requests: int = 0
    refused: int = 0
    throttled: int = 0

    def clear(self) -> None:
        self.requests = self.refused = self.throttled = 0


@dataclass(frozen=True, slots=True)
class SendContext:
    """What every mail passes on its way in."""

    account: Account
    plan: Plan
    bucket: Bucket
    bulk_calls: Bucket
    acceptance: Acceptance
    tally: RequestCounts

    def check_rate(self, envelope: Envelope) -> None:
        if not self.within_rate(envelope):
            raise ApiError("TooManyRequestsException", THROTTLED)

    def within_rate(self, envelope: Envelope) -> bool:
        if self.bucket.take(len(envelope.recipients)):
            return True
        self.tally.throttled += 1
        return False


def send_email(desk: SendContext, request: Request) -> Reply:
    desk.tally.requests += 1
    try:
        mail = compose(decode(request.body), len(request.body))
        desk.account.check(mail.envelope)
        desk.check_rate(mail.envelope)
        return apply_fault(desk.plan.for_request([mail.envelope]), lambda: _accept(desk, mail))
    except ApiError:
        desk.tally.refused += 1
        raise


def _accept(desk: SendContext, mail: Mail) -> Response:
    [receipt] = desk.acceptance.accept([mail])
    return json_response({"MessageId": receipt.message_id})
