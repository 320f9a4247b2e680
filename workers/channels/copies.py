"""The recipients of a mail, each mailbox once. Pure."""

from notifier.messages import Copies, Email
from workers.channels.mailbox import mailbox_of


def recipients_of(email: Email) -> Copies:
    """Return the recipients, each where it is first named: who is in `to` and in `cc` gets one mail.

    Raise ValueError as `Copies.of` does.
    """
    known: set[str] = set()
    kept: list[list[str]] = []
    for kind in Copies.of(email):
        kept.append([])
        for each in kind:
            if (mailbox := mailbox_of(each)) not in known:
                known.add(mailbox)
                kept[-1].append(each)
    return Copies(*kept)
