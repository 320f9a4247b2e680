"""The control API of the SES simulator: what it accepted, by notification, and what it counted."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

from simulators.http.messages import Request
from simulators.ses.account.mail_journal import MailJournal
from simulators.ses.account.suppression import SuppressionList
from simulators.ses.api.sending import SendContext
from simulators.ses.errors import bad_request
from simulators.ses.events.emitter import Events
from simulators.ses.inbox.mailbox import Mailbox
from simulators.shared.control import Control, Route

MAX_DUPLICATES = 1000
"""Notifications that `GET duplicates` lists; it counts all."""


class SesControl(Control):
    """The routes of `/_sim/`: the shared ones of `simulators.shared.control`, and those of SES."""

    def __init__(
        self,
        context: SendContext,
        journal: MailJournal,
        mailbox: Mailbox,
        suppressed: SuppressionList,
        emitter: Events | None,
    ) -> None:
        self._context = context
        self._journal = journal
        self._mailbox = mailbox
        self._suppressed = suppressed
        self._emitter = emitter
        routes: Mapping[tuple[str, str], Route] = {
            ("GET", "counts"): self._counts,
            ("GET", "messages"): self._messages,
            ("GET", "duplicates"): self._duplicates,
            ("POST", "reset"): self._reset,
        }
        super().__init__(context.plan, routes, lambda: {"events": self._events()})

    def _counts(self, _: Request) -> dict[str, Any]:
        return {
            **self._journal.counts(),
            **asdict(self._context.counts),
            "faults": dict(self._context.plan.fired),
            "events": self._events(),
            "newest": self._mailbox.newest,
        }

    def _messages(self, request: Request) -> dict[str, Any]:
        nid = parse_qs(request.query).get("nid", [""])[0]
        if not nid:
            raise bad_request("Ask with ?nid=")
        return {"nid": nid, "copies": self._journal.copies(nid), "messages": self._journal.messages(nid)}

    def _duplicates(self, _: Request) -> dict[str, Any]:
        found = self._journal.duplicated()
        return {"duplicated_nids": len(found), "copies": dict(list(found.items())[:MAX_DUPLICATES])}

    def _reset(self, _: Request) -> dict[str, Any]:
        """Return to the state after a start with an empty journal; the file is emptied, too."""
        self._journal.clear()
        self._mailbox.clear()
        self._suppressed.clear()
        self._context.reset()
        if self._emitter is not None:
            self._emitter.clear()
        return {"status": "ok"}

    def _events(self) -> dict[str, Any] | None:
        return None if self._emitter is None else self._emitter.as_json()
