"""`/_sim`: what tests and oracles ask and tell the simulator. No part of SES."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

import orjson

from simulators.http.messages import Request
from simulators.http.replies import Response, json_response
from simulators.ses.account.mail_journal import MailJournal
from simulators.ses.account.suppression import SuppressionList
from simulators.ses.api.sending import SendContext
from simulators.ses.errors import ApiError, bad_request
from simulators.ses.events.emitter import Emitter
from simulators.ses.faults import rule_from
from simulators.ses.inbox.mailbox import Mailbox

MAX_DUPLICATES = 1000


class Control:
    def __init__(
        self,
        desk: SendContext,
        journal: MailJournal,
        mailbox: Mailbox,
        suppressed: SuppressionList,
        emitter: Emitter | None,
    ) -> None:
        self._desk = desk
        self._journal = journal
        self._mailbox = mailbox
        self._suppressed = suppressed
        self._emitter = emitter
        self._started = time.monotonic()
        self._routes: Mapping[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "/_sim/health"): self._health,
            ("GET", "/_sim/counts"): self._counts,
            ("GET", "/_sim/messages"): self._messages,
            ("GET", "/_sim/duplicates"): self._duplicates,
            ("POST", "/_sim/reset"): self._reset,
            ("GET", "/_sim/faults"): self._faults,
            ("POST", "/_sim/faults"): self._add_faults,
            ("DELETE", "/_sim/faults"): self._clear_faults,
        }

    def answer(self, request: Request) -> Response:
        route = self._routes.get((request.method, request.path))
        if route is None:
            raise ApiError("NotFoundException", f"{request.method} {request.path}: there is no such thing.")
        return json_response(route(request))

    def _health(self, _: Request) -> dict[str, Any]:
        uptime = round(time.monotonic() - self._started, 3)
        return {"status": "ok", "uptime_seconds": uptime, "events": self._events()}

    def _counts(self, _: Request) -> dict[str, Any]:
        return {
            **self._journal.counts(),
            **asdict(self._desk.tally),
            "faults": dict(self._desk.plan.fired),
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
        shown = dict(list(found.items())[:MAX_DUPLICATES])
        return {"duplicated_nids": len(found), "copies": shown}

    def _reset(self, _: Request) -> dict[str, Any]:
        """As if just started with an empty journal; the file is emptied too."""
        self._journal.clear()
        self._mailbox.clear()
        self._suppressed.clear()
        self._desk.plan.clear()
        self._desk.plan.fired.clear()
        self._desk.bucket.refill()
        self._desk.bulk_calls.refill()
        self._desk.tally.clear()
        if self._emitter is not None:
            self._emitter.clear()
        return {"status": "ok"}

    def _faults(self, _: Request) -> list[dict[str, Any]]:
        return self._desk.plan.as_json()

    def _add_faults(self, request: Request) -> list[dict[str, Any]]:
        """All rules or, where one is wrong, none."""
        try:
            rules = orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            raise bad_request(f"The fault plan is not JSON: {error}") from error
        if not (isinstance(rules, list) and all(isinstance(rule, dict) for rule in rules)):
            raise bad_request("The fault plan is a list of rules")
        self._desk.plan.add([rule_from(rule) for rule in rules])
        return self._desk.plan.as_json()

    def _clear_faults(self, _: Request) -> list[dict[str, Any]]:
        self._desk.plan.clear()
        return []

    def _events(self) -> dict[str, Any] | None:
        return None if self._emitter is None else self._emitter.as_json()
