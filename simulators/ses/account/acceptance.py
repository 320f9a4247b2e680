"""Accept mails: write them to the journal, then show them in the inbox and publish their events."""

import os
import time
from collections.abc import Mapping, Sequence

from simulators.ses.account.mail_journal import MailJournal
from simulators.ses.account.suppression import SuppressionList
from simulators.ses.events.delivery_results import first_delivery_result
from simulators.ses.events.emitter import Events
from simulators.ses.inbox.mailbox import Mailbox
from simulators.ses.mail import Mail, Receipt

_REGIONS: Mapping[str, str] = {"us-east-1": "0100", "us-west-2": "0101", "eu-west-1": "0102"}


class Acceptance:
    """Accepts mails: journal first, then inbox and events."""

    def __init__(
        self,
        region: str,
        journal: MailJournal,
        mailbox: Mailbox,
        suppressed: SuppressionList,
        emitter: Events | None,
    ) -> None:
        self._prefix = _REGIONS.get(region, "010f")
        self._journal = journal
        self._mailbox = mailbox
        self._suppressed = suppressed
        self._emitter = emitter

    def accept(self, mails: Sequence[Mail]) -> list[Receipt]:
        """Accept all of these mails. Raise JournalError, and accepts none, if the journal cannot be written."""
        now = time.time()
        receipts = [Receipt(self._message_id(now), now, mail.envelope) for mail in mails]
        self._journal.append(receipts)
        for receipt, mail in zip(receipts, mails, strict=True):
            self._mailbox.add(receipt, mail.content, first_delivery_result(mail.envelope, self._suppressed))
            if self._emitter is not None:
                self._emitter.offer(receipt, self._suppressed)
        return receipts

    def _message_id(self, now: float) -> str:
        """In the form that SES uses: region and milliseconds, a UUID, six zeros."""
        drawn = os.urandom(16).hex()
        groups = f"{drawn[:8]}-{drawn[8:12]}-{drawn[12:16]}-{drawn[16:20]}-{drawn[20:]}"
        return f"{self._prefix}{int(now * 1000):012x}-{groups}-000000"
