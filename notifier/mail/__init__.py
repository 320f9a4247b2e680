"""Parts of an `Email` beside its text: attached files, invitations, and its sender."""

from notifier.mail.attachment import UNKNOWN_TYPE, Attachment, S3Object, s3_object
from notifier.mail.files import checked_files
from notifier.mail.identity import Identity
from notifier.mail.invitation import Invitation

__all__ = ["UNKNOWN_TYPE", "Attachment", "Identity", "Invitation", "S3Object", "checked_files", "s3_object"]
