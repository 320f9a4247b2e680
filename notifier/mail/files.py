"""The `attachments` of an `Email` as a route gave them. Pure."""

from collections.abc import Sequence

from notifier.errors import RoutesError
from notifier.mail.attachment import Attachment
from notifier.mail.invitation import Invitation


def checked_files(given: object) -> Sequence[Attachment | Invitation]:
    """Return what a route gave as `attachments`. Raise RoutesError unless it is a list of them and of invitations."""
    if isinstance(given, Attachment | Invitation):
        kind = type(given).__name__
        raise RoutesError(f"attachments= is a list: write attachments=[{kind}(...)]")
    if not isinstance(given, Sequence) or not all(isinstance(each, Attachment | Invitation) for each in given):
        raise RoutesError("the attachments of an Email are a list of Attachment(...) and Invitation(...)")
    return given
