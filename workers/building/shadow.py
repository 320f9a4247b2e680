"""What a message in shadow would have been: why it is not sent, and its subject. Pure."""

from typing import Any

from notifier.notifications import created_ms
from workers.building.preparer import Prepared

LONGEST_SUBJECT = 1_000
"""Characters of a subject that are kept."""


def shadow_reason(prepared: Prepared) -> str | None:
    """Return why the message is not sent, None if it is."""
    return prepared.route.shadow_reason(created_ms(prepared.due.id))


def subject_of(content: Any) -> str:
    """Return the subject of a message; the text of one that has none, as of an SMS; empty if it has neither."""
    for name in ("subject", "text"):
        found = getattr(content, name, None)
        if isinstance(found, str):
            return found.strip().replace("\0", "")[:LONGEST_SUBJECT]
    return ""
