"""SendEmail: one request, one mail."""

from dataclasses import dataclass

from simulators.http.messages import Request
from simulators.http.replies import Reply, Response, json_response
from simulators.ses.account.acceptance import Acceptance
from simulators.ses.account.account import Account
from simulators.ses.account.throttle import Bucket
from simulators.ses.api.compose import compose
from simulators.ses.faults import request_fault
from simulators.ses.mail import Envelope, Mail
from simulators.shared.errors import ApiError
from simulators.shared.faults import Plan
from simulators.shared.fields import decode

THROTTLED = "Maximum sending rate exceeded."


@dataclass(slots=True)
class RequestCounts:
    """Calls; mails that were refused; and those of them that were refused because of the sending rate."""

    requests: int = 0
    refused: int = 0
    throttled: int = 0


@dataclass(slots=True)
class SendContext:
    """What SendEmail and SendBulkEmail need to check, count and accept mails."""

    account: Account
    plan: Plan
    bucket: Bucket
    bulk_calls: Bucket
    acceptance: Acceptance
    counts: RequestCounts

    def check_rate(self, envelope: Envelope) -> None:
        """Raise ApiError if the sending rate is exceeded."""
        if not self.within_rate(envelope):
            raise ApiError("TooManyRequestsException", THROTTLED)

    def within_rate(self, envelope: Envelope) -> bool:
        if self.bucket.take(len(envelope.recipients)):
            return True
        self.counts.throttled += 1
        return False

    def reset(self) -> None:
        """End all faults, fill the buckets, and count from zero."""
        self.plan.reset()
        self.bucket.refill()
        self.bulk_calls.refill()
        self.counts = RequestCounts()


def send_email(context: SendContext, request: Request) -> Reply:
    """Raise ApiError if SES would refuse the mail."""
    context.counts.requests += 1
    try:
        mail = compose(decode(request.body), len(request.body))
        context.account.check(mail.envelope)
        context.check_rate(mail.envelope)
        fault = request_fault(context.plan, [mail.envelope], "SendEmail")
        return context.plan.faults.apply(fault, lambda: _accept(context, mail))
    except ApiError:
        context.counts.refused += 1
        raise


def _accept(context: SendContext, mail: Mail) -> Response:
    [receipt] = context.acceptance.accept([mail])
    return json_response({"MessageId": receipt.message_id})
