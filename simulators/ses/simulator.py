"""The simulator put together: one request in, one answer out."""

import asyncio
from collections.abc import Callable
from functools import partial

from sandbox.http.answers import Answer, Later
from sandbox.http.wire import Request
from sandbox.ses import inbox
from sandbox.ses.acceptance import Acceptance
from sandbox.ses.api import Api
from sandbox.ses.control import Control
from sandbox.ses.emitter import Emitter
from sandbox.ses.errors import ApiError, JournalError, error_response
from sandbox.ses.faults import Plan
from sandbox.ses.journal import Journal
from sandbox.ses.mailbox import Mailbox
from sandbox.ses.notes import Notes
from sandbox.ses.options import Options
from sandbox.ses.schedule import Schedule
from sandbox.ses.sending import Desk, Tally
from sandbox.ses.sns import Signer
from sandbox.ses.sqs import Queue
from sandbox.ses.suppression import SuppressionList
from sandbox.ses.throttle import Bucket


class Simulator:
    def __init__(self, options: Options) -> None:
        """Raises JournalError."""
        self._journal = Journal(options.journal, options.fsync)
        self._emitter = _emitter(options)
        mailbox, suppressed = Mailbox(options.keep), SuppressionList()
        acceptance = Acceptance(options.account.region, self._journal, mailbox, suppressed, self._emitter)
        bucket, bulk_calls = Bucket(options.rate, options.burst), Bucket(options.bulk_rate)
        desk = Desk(options.account, Plan(), bucket, bulk_calls, acceptance, Tally())
        kinds = options.publishing.kinds if self._emitter else ()
        self._api = Api(desk, self._journal, suppressed, kinds)
        self._control = Control(desk, self._journal, mailbox, suppressed, self._emitter)
        self._inbox = inbox.Inbox(mailbox, self._journal)
        self._notes = Notes(mailbox)

    def handle(self, request: Request) -> Answer:
        return _guarded(partial(self._route, request))

    async def publish(self) -> None:
        """Carry events to the queue until cancelled."""
        if self._emitter is not None:
            await self._emitter.run()
        else:
            await asyncio.Event().wait()

    def close(self) -> None:
        self._journal.close()

    def _route(self, request: Request) -> Answer:
        path = request.path
        if path.startswith("/v2/"):
            return self._api.answer(request)
        if request.method == "GET" and path == "/":
            return self._inbox.page()
        if request.method == "POST" and path in ("/", inbox.PATH):
            return self._notes.put(request) if path == inbox.PATH else self._notes.publish(request)
        if request.method == "GET" and path == inbox.PATH:
            return self._inbox.mails(request.query)
        if request.method == "GET" and path.startswith(inbox.PATH + "/"):
            return self._inbox.mail(path.removeprefix(inbox.PATH + "/"))
        return self._control.answer(request)


def _guarded(answer: Callable[[], Answer]) -> Answer:
    try:
        given = answer()
    except ApiError as error:
        return error_response(error)
    except JournalError as error:
        return error_response(ApiError("InternalFailure", str(error)))
    return Later(given.seconds, partial(_guarded, given.then)) if isinstance(given, Later) else given


def _emitter(options: Options) -> Emitter | None:
    if options.queue_url is None:
        return None
    region = options.account.region
    queues = [Queue(options.queue_url, options.queue_endpoint, region) for _ in range(options.connections)]
    return Emitter(Schedule(options.publishing), queues, options.account, _signer(options))


def _signer(options: Options) -> Signer | None:
    if not options.sns_envelope:
        return None
    signer = Signer(options.account.region, version=options.sns_signature_version)
    if options.sns_certificate:
        options.sns_certificate.write_bytes(signer.certificate)
    return signer
