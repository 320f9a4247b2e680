"""The SES simulator in a thread of this process: a test reads the mails, and gets the events without a queue."""

import asyncio
import threading
from collections.abc import Container, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import orjson

from notifier.testing import Behaviour, PlainMessage
from sandbox.embedded.allocation import temporary_folder
from simulators.http.messages import Request
from simulators.http.server import Server
from simulators.ses.account.account import Account
from simulators.ses.events.delivery_results import MailEvent, mail_events
from simulators.ses.events.records import record
from simulators.ses.mail import Receipt
from simulators.ses.options import parse
from simulators.ses.simulator import Simulator

FAULTS = {Behaviour.REFUSE: "refuse", Behaviour.THROTTLE: "throttle", Behaviour.CUT: "accept_then_cut"}
"""The faults of the simulator for what a provider does with a request."""


class AcceptedMails:
    """What the simulator has accepted, in that order, and the events that were not read yet."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self._events: list[tuple[Receipt, MailEvent]] = []

    def offer(self, receipt: Receipt, suppressed: Container[str]) -> None:
        self.receipts.append(receipt)
        self._events += [(receipt, each) for each in mail_events(receipt.envelope, suppressed)]

    def take_events(self) -> list[tuple[Receipt, MailEvent]]:
        """Return the events since the last call, the oldest first."""
        taken, self._events = self._events, []
        return taken

    async def run(self) -> None:
        """Do nothing until cancelled: events are read by `take_events`."""
        await asyncio.Event().wait()

    def clear(self) -> None:
        self.receipts.clear()
        self._events.clear()

    def as_json(self) -> dict[str, Any]:
        return {"pending": len(self._events)}


class SimulatedSes:
    """A running simulator. `url` is its address."""

    def __init__(self, simulator: Simulator, mails: AcceptedMails, account: Account, url: str) -> None:
        self.url = url
        self._simulator = simulator
        self._mails = mails
        self._account = account

    def reset(self) -> None:
        """Forget all mails, faults and suppressed addresses."""
        self._control("reset", b"")

    def fail_next(self, behaviour: Behaviour, times: int) -> None:
        """Treat so many requests in this way, those that come next."""
        self._control("faults", orjson.dumps([{"kind": FAULTS[behaviour], "times": times}]))

    def receipts(self) -> list[Receipt]:
        """Return what it has accepted, the oldest first."""
        return list(self._mails.receipts)

    def message(self, receipt: Receipt) -> PlainMessage:
        """Return a mail as its recipient reads it."""
        kept, envelope = self._simulator.mailbox.get(receipt.message_id), receipt.envelope
        assert kept is not None  # noqa: S101  the mailbox keeps more mails than a test sends
        return PlainMessage(
            "email",
            ", ".join(envelope.to),
            envelope.subject,
            kept.content.text or "",
            kept.content.html,
            dict(envelope.headers),
            kept.content.attachments,
            cc=", ".join(envelope.cc),
            bcc=", ".join(envelope.bcc),
        )

    def take_events(self, at: datetime) -> list[str]:
        """Return the events since the last call as the feedback queue would bring them, with this time."""
        return [
            orjson.dumps(record(self._account, receipt._replace(at=at.timestamp()), event)).decode()
            for receipt, event in self._mails.take_events()
        ]

    def _control(self, path: str, body: bytes) -> None:
        answer: Any = self._simulator.handle(Request("POST", f"/_sim/{path}", "", body, keep_alive=False, head=b""))
        assert answer.status == 200, answer.body  # noqa: S101, PLR2004  our own request


@contextmanager
def simulated_ses() -> Iterator[SimulatedSes]:
    """A simulator, for the block."""
    with temporary_folder() as home:
        options = parse(["--journal", str(home / "accepted.jsonl")])
        mails = AcceptedMails()
        simulator = Simulator(options, mails)
        try:
            with _serving(simulator) as url:
                yield SimulatedSes(simulator, mails, options.account, url)
        finally:
            simulator.close()


@contextmanager
def _serving(simulator: Simulator) -> Iterator[str]:
    """Answer HTTP requests in a thread; yield the address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="ses simulator", daemon=True)
    thread.start()
    server = Server(simulator.handle)
    try:
        host, port = asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result()
        yield f"http://{host}:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
