"""The operations of the SES API v2 that are simulated, by method and path. Sending has modules of its own."""

import re
from collections.abc import Callable, Collection, Mapping
from urllib.parse import parse_qs, unquote

from simulators.http.messages import Request
from simulators.http.replies import Reply, Response, json_response
from simulators.ses.account.mail_journal import MailJournal
from simulators.ses.account.suppression import SuppressionList
from simulators.ses.api.bulk import send_bulk_email
from simulators.ses.api.sending import SendContext, send_email
from simulators.ses.faults import operation_fault
from simulators.ses.fields import need
from simulators.shared.errors import ApiError
from simulators.shared.faults import MakeResponse
from simulators.shared.fields import decode, take

_ADDRESSES = "/v2/email/suppression/addresses"
_NAMED = re.compile(r"/v2/email/(suppression/addresses|identities|configuration-sets)/([^/]+)(/event-destinations)?")
_PAGE = 1000

Operation = Callable[[Request], Reply]
NamedOperation = Callable[[str], Response]


class Api:
    """Answers the requests to the SES API v2."""

    def __init__(
        self, context: SendContext, journal: MailJournal, suppressed: SuppressionList, kinds: Collection[str]
    ) -> None:
        """`kinds` are the kinds of events that are published."""
        self._context = context
        self._journal = journal
        self._suppressed = suppressed
        self._kinds = kinds
        self._operations: Mapping[tuple[str, str], Operation] = {
            ("POST", "/v2/email/outbound-emails"): lambda request: send_email(context, request),
            ("POST", "/v2/email/outbound-bulk-emails"): lambda request: send_bulk_email(context, request),
            ("GET", "/v2/email/account"): lambda _: self._described("GetAccount", self._account),
            ("PUT", _ADDRESSES): self._suppress,
            ("GET", _ADDRESSES): self._suppressions,
            ("POST", "/v2/email/tenants/get"): lambda request: self._described(
                "GetTenant", lambda: json_response(context.account.tenant(_tenant(request)))
            ),
            ("POST", "/v2/email/tenants/resources/list"): lambda request: self._described(
                "ListTenantResources", lambda: self._tenant_resources(request)
            ),
        }
        account = context.account
        self._named: Mapping[tuple[str, str], tuple[str, NamedOperation]] = {
            ("GET", "suppression/addresses"): ("GetSuppressedDestination", self._suppression),
            ("DELETE", "suppression/addresses"): ("DeleteSuppressedDestination", self._unsuppress),
            ("GET", "identities"): ("GetEmailIdentity", lambda name: json_response(account.identity(name))),
            ("GET", "configuration-sets"): (
                "GetConfigurationSet",
                lambda name: json_response(account.configuration_set(name)),
            ),
            ("GET", "configuration-sets/event-destinations"): (
                "GetConfigurationSetEventDestinations",
                self._event_destinations,
            ),
        }

    def answer(self, request: Request) -> Reply:
        """Raise ApiError, also if the operation is not simulated."""
        operation = self._operations.get((request.method, request.path))
        if operation is not None:
            return operation(request)
        if (named := _NAMED.fullmatch(request.path)) is not None:
            found = self._named.get((request.method, named[1] + (named[3] or "")))
            if found is not None:
                return self._described(found[0], lambda: found[1](unquote(named[2])))
        raise ApiError("UnknownOperationException", f"{request.method} {request.path} is not simulated.")

    def _described(self, operation: str, make: MakeResponse) -> Reply:
        """Answer an operation that sends nothing, unless a rule of the fault plan names it."""
        plan = self._context.plan
        return plan.faults.apply(operation_fault(plan, operation), make)

    def _account(self) -> Response:
        return json_response(self._context.account.describe(self._context.bucket.rate, self._journal.accepted))

    def _suppress(self, request: Request) -> Response:
        body = decode(request.body)
        self._suppressed.put(need(body, "EmailAddress", str), need(body, "Reason", str))
        return json_response({})

    def _suppressions(self, request: Request) -> Response:
        query = parse_qs(request.query)
        try:
            start = int(query.get("NextToken", ["0"])[0])
            size = int(query.get("PageSize", [_PAGE])[0])
        except ValueError:
            raise ApiError("InvalidNextTokenException", "NextToken and PageSize are numbers here.") from None
        entries, following = self._suppressed.page(query.get("Reason", []), start, size)
        body = {"SuppressedDestinationSummaries": [entry.as_json() for entry in entries]}
        return json_response(body if following is None else body | {"NextToken": str(following)})

    def _suppression(self, address: str) -> Response:
        return json_response({"SuppressedDestination": self._suppressed.get(address).as_json()})

    def _unsuppress(self, address: str) -> Response:
        self._suppressed.delete(address)
        return json_response({})

    def _tenant_resources(self, request: Request) -> Response:
        body = decode(request.body)
        start, size = int(take(body, "NextToken", str) or 0), take(body, "PageSize", int) or _PAGE
        found = self._context.account.tenant_resources(_tenant(request))
        more = {"NextToken": str(start + size)} if len(found) > start + size else {}
        return json_response({"TenantResources": found[start : start + size], **more})

    def _event_destinations(self, name: str) -> Response:
        return json_response(self._context.account.event_destinations(name, self._kinds))


def _tenant(request: Request) -> str:
    return need(decode(request.body), "TenantName", str)
