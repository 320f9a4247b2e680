"""The inbox: the page at `/`, and the JSON that the page loads."""

import base64
import hashlib
import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, unquote

from simulators.http.replies import Response, json_response
from simulators.ses.account.mail_journal import MailJournal
from simulators.ses.errors import bad_request
from simulators.ses.inbox.mailbox import InboxMessage, Mailbox
from simulators.ses.inbox.readable import readable, readable_person
from simulators.shared.errors import ApiError

PATH = "/_sim/inbox"
MAX_PAGE = 200
PREVIEW = 140

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_BLANKS = re.compile(r"\s+")


class Inbox:
    """Answers the requests for the page and for its JSON."""

    def __init__(self, mailbox: Mailbox, journal: MailJournal) -> None:
        self._mailbox = mailbox
        self._journal = journal
        self._page = _page(files(__package__).joinpath("inbox.html").read_text(encoding="utf-8"))

    def page(self) -> Response:
        return self._page

    def mails(self, query: str) -> Response:
        """`limit` messages from place `offset`, newest first.

        `top`, the number of the newest message of the first page, keeps later pages the same while messages arrive.
        """
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        try:
            top = int(asked["top"]) if "top" in asked else None
            offset, limit = int(asked.get("offset", 0)), min(int(asked.get("limit", 50)), MAX_PAGE)
        except ValueError:
            raise bad_request("top, offset and limit are numbers") from None
        kept, total = self._mailbox.page(asked.get("q", ""), top, max(offset, 0), max(limit, 0))
        body = {"newest": self._mailbox.newest, "total": total, "offset": offset}
        return json_response(body | {"mails": [self._summary(one) for one in kept]})

    def mail(self, message_id: str) -> Response:
        """Return one message with its content. Raise ApiError if it is not kept."""
        kept = self._mailbox.get(unquote(message_id))
        if kept is None:
            raise ApiError("NotFoundException", "This mail is no longer kept; the journal still has its line.")
        envelope, content = kept.receipt.envelope, kept.content
        return json_response(
            {
                **self._summary(kept),
                "cc": _people(envelope.cc),
                "bcc": _people(envelope.bcc),
                "reply_to": _people(envelope.reply_to),
                "text": content.text,
                "html": content.html,
                "attachments": content.attachments,
                "headers": [(name, readable(value)) for name, value in envelope.headers],
                "tags": envelope.tags,
                "configuration_set": envelope.configuration_set,
                "tenant": envelope.tenant,
                "operation": envelope.operation,
                "failure": envelope.failure,
            }
        )

    def _summary(self, kept: InboxMessage) -> dict[str, Any]:
        envelope = kept.receipt.envelope
        nid = envelope.tag("nid")
        return {
            "id": kept.receipt.message_id,
            "number": kept.number,
            "time": kept.receipt.time,
            "channel": kept.channel,
            "from": readable_person(envelope.sender),
            "to": _people(envelope.to or envelope.recipients) if kept.channel == "email" else envelope.to,
            "subject": readable(envelope.subject),
            "preview": _BLANKS.sub(" ", (kept.content.text or "")[: 4 * PREVIEW]).strip()[:PREVIEW],
            "fate": kept.result,
            "nid": nid,
            "copies": 1 if nid is None or kept.channel != "email" else self._journal.copies(nid),
        }


def _people(addresses: Iterable[str]) -> list[str]:
    return [readable_person(each) for each in addresses]


def _page(html: str) -> Response:
    """Return the page, with a policy that allows only its own script, and inline styles, which mails have."""
    script = _SCRIPT.search(html)
    digest = hashlib.sha256(script[1].encode() if script else b"").digest()
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src 'sha256-{base64.b64encode(digest).decode()}'",
            "style-src 'unsafe-inline'",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    headers = (
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-cache"),
    )
    return Response(200, html.encode(), "text/html; charset=utf-8", headers)
