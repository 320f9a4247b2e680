"""The SES simulator as a whole: a request goes in, a reply comes out."""

import asyncio
from functools import partial

from simulators.http.messages import Request
from simulators.http.replies import Reply
from simulators.ses.account.acceptance import Acceptance
from simulators.ses.account.mail_journal import MailJournal
from simulators.ses.account.suppression import SuppressionList
from simulators.ses.account.throttle import Bucket
from simulators.ses.api.operations import Api
from simulators.ses.api.sending import RequestCounts, SendContext
from simulators.ses.control import SesControl
from simulators.ses.errors import JournalError, error_response
from simulators.ses.events.emitter import Emitter, Events
from simulators.ses.events.schedule import Schedule
from simulators.ses.events.sns import Signer
from simulators.ses.events.sqs import Queue
from simulators.ses.events.subscriptions import Subscriptions
from simulators.ses.events.topic import Topic
from simulators.ses.faults import FAULTS
from simulators.ses.inbox import page as inbox
from simulators.ses.inbox.mailbox import Mailbox
from simulators.ses.inbox.other_channels import OtherChannels, is_text_message
from simulators.ses.options import Options
from simulators.shared.errors import ApiError, catch_errors
from simulators.shared.faults import Plan


class Simulator:
    """Answers all requests to the simulator, and publishes the events."""

    def __init__(self, options: Options, events: Events | None = None) -> None:
        """`events` gets what is accepted instead of the queue of the options. Raise JournalError."""
        self._journal = MailJournal(options.journal, options.fsync)
        self._emitter = events or _emitter(options)
        self.mailbox = mailbox = Mailbox(options.keep)
        suppressed = SuppressionList()
        acceptance = Acceptance(options.account.region, self._journal, mailbox, suppressed, self._emitter)
        bucket, bulk_calls = Bucket(options.rate, options.burst), Bucket(options.bulk_rate)
        context = SendContext(options.account, Plan(FAULTS), bucket, bulk_calls, acceptance, RequestCounts())
        kinds = options.publishing.kinds if self._emitter else ()
        self._api = Api(context, self._journal, suppressed, kinds)
        self._control = SesControl(context, self._journal, mailbox, suppressed, self._emitter)
        self._inbox = inbox.Inbox(mailbox, self._journal)
        self._other_channels = OtherChannels(mailbox)
        self._topic = Topic(options.account, options.queue_url, context.plan, raw=not options.sns_envelope)

    def handle(self, request: Request) -> Reply:
        return catch_errors(partial(self._route, request), error_response, (ApiError, JournalError))

    async def publish(self) -> None:
        """Send events to the queue until cancelled."""
        if self._emitter is not None:
            await self._emitter.run()
        else:
            await asyncio.Event().wait()

    def close(self) -> None:
        self._journal.close()

    def _route(self, request: Request) -> Reply:
        path = request.path
        if path.startswith("/v2/"):
            return self._api.answer(request)
        if request.method == "GET" and path == "/":
            return self._inbox.page()
        if request.method == "POST" and path in ("/", inbox.PATH):
            return self._posted(request)
        if request.method == "GET" and path == inbox.PATH:
            return self._inbox.mails(request.query)
        if request.method == "GET" and path.startswith(inbox.PATH + "/"):
            return self._inbox.mail(path.removeprefix(inbox.PATH + "/"))
        return self._control.answer(request)

    def _posted(self, request: Request) -> Reply:
        """Answer a request to the API of SNS, or add a message to the inbox."""
        if request.path == inbox.PATH:
            return self._other_channels.add_message(request)
        if is_text_message(request):
            return self._other_channels.send_text(request)
        about_topic = self._topic.answer(request)
        return self._other_channels.publish(request) if about_topic is None else about_topic


def _emitter(options: Options) -> Events | None:
    if options.queue_url is None:
        return None
    signer = _signer(options)
    urls = [options.queue_url, *([options.archive_url] if options.archive_url else [])]
    queues = [Queue(url, options.queue_endpoint, options.account.region) for url in urls]
    connections, account = options.queue_connections, options.account
    emitters = [Emitter(Schedule(options.publishing), queue, connections, account, signer) for queue in queues]
    return emitters[0] if len(emitters) == 1 else Subscriptions(emitters)


def _signer(options: Options) -> Signer | None:
    if not options.sns_envelope:
        return None
    signer = Signer(options.account.region, version=options.sns_signature_version)
    if options.sns_certificate:
        options.sns_certificate.write_bytes(signer.certificate)
    return signer
