"""Reads the files of messages from S3, and bounds the memory that the files of all messages take together."""

import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

from notifier.aws import AwsError, aws_client, aws_errors
from notifier.channels import channel_class
from notifier.errors import AttachmentError, Unreachable, Unsendable
from notifier.mail import Attachment, Invitation, S3Object, checked_files, s3_object
from notifier.messages import Copies, Email
from notifier.process.memory_budget import MemoryBudget
from notifier.settings import Settings
from workers.building.calendar_file import calendar_file

LARGEST = 40 * 1024 * 1024
"""Bytes of the files of one mail. SES takes no more, and no build has to wait for files that cannot be sent."""
_WAIT_SECONDS = 15.0
"""How long a build waits for memory. It is less than the timeout of a build."""
_CONNECT_SECONDS, _READ_SECONDS, _TRIES = 3.0, 10.0, 2


class HeldFiles(list[Attachment]):
    """Attachments with their bytes. Their memory is given back when the last reference to this list is gone."""


class _Opened(NamedTuple):
    """A file whose `size` is known. `body` has its bytes if they are in S3."""

    attachment: Attachment
    size: int
    place: S3Object | None = None
    body: Any = None

    def read(self) -> Attachment:
        """Return it with its bytes."""
        if self.place is None:
            return self.attachment
        with _s3_errors(self.place):
            return replace(self.attachment, content=self.body.read(), s3=None)


class AttachmentReader:
    """The files of all messages that this process builds. Thread-safe; makes no connection before the first file."""

    def __init__(self, settings: Settings, client: Any = None) -> None:
        """`client` is that of S3. None: one of the SDK."""
        self._settings = settings
        self._memory = MemoryBudget(settings.attachment_memory_mb * 1_000_000)
        self._lock = threading.Lock()
        self._client = client

    @staticmethod
    def serves(channel: str) -> bool:
        """Return whether the messages of that channel can have files."""
        return issubclass(channel_class(channel).request_type, Email)

    def read(self, email: Email, id_: UUID) -> Email:
        """Return the email of the notification `id_` with the bytes of all its files. Invitations become files.

        Raise RoutesError if the route gave something else as attachment, Unsendable if the files are too large,
        AttachmentError for one that cannot be read, and WaitAborted if there is no memory for some seconds.
        """
        files = HeldFiles()
        with ExitStack() as bodies:
            opened, numbers = [], count(1)
            for each in checked_files(email.attachments):
                written = self._calendar(email, each, id_, next(numbers)) if isinstance(each, Invitation) else each
                opened.append(self._opened(written, bodies))
            # Memory for all at once: messages that held some files while they wait for others would block each other.
            self._hold(files, sum(each.size for each in opened))
            files += [each.read() for each in opened]
        return replace(email, attachments=files)

    def _calendar(self, email: Email, invitation: Invitation, id_: UUID, number: int) -> Attachment:
        copies = Copies.of(email)  # no `bcc`: each recipient can read who is invited
        sender, invited = email.sender or self._settings.sender, [*copies.to, *copies.cc]
        try:
            return calendar_file(invitation, id_, sender, invited, number)
        except ValueError as error:
            raise Unsendable(f"an address of the invitation {error}") from None

    def _opened(self, attachment: Attachment, bodies: ExitStack) -> "_Opened":
        """Return the file before it is read. `bodies` closes its connection."""
        if attachment.content is not None:
            return _Opened(attachment, len(attachment.content))
        place = s3_object(attachment)
        with _s3_errors(place):
            answer = self._s3().get_object(**_parameters(place))
            bodies.callback(answer["Body"].close)
            return _Opened(attachment, int(answer["ContentLength"]), place, answer["Body"])

    def _hold(self, files: HeldFiles, size: int) -> None:
        if size > LARGEST:
            raise Unsendable(f"its files have {size:,} bytes; no mail may have more than {LARGEST:,}")
        until = time.monotonic() + _WAIT_SECONDS
        self._memory.take(size, lambda: time.monotonic() < until)
        weakref.finalize(files, self._memory.give_back, size).atexit = False

    def _s3(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = aws_client(
                    "s3",
                    self._settings,
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_READ_SECONDS,
                    attempts=_TRIES,
                    connections=32,
                )
            return self._client


def _parameters(place: S3Object) -> dict[str, str]:
    given = {"Bucket": place.bucket, "Key": place.key}
    return given | {"VersionId": place.version} if place.version else given


@contextmanager
def _s3_errors(place: S3Object) -> Iterator[None]:
    """Raise AttachmentError for what S3 answers. The key may name a person: it is in a note, which --reveal shows."""
    where = f"S3, bucket {place.bucket}"
    try:
        with aws_errors(where):
            yield
    except AwsError as error:
        refused = AttachmentError(f"a file cannot be read from {where}: {error.code or error.status}")
        refused.add_note(f"s3://{place.bucket}/{place.key} {error.message}")
        raise refused from None
    except Unreachable as error:
        unread = AttachmentError(f"a file cannot be read from {where}: {type(error.__cause__ or error).__name__}")
        unread.add_note(f"s3://{place.bucket}/{place.key} {error}")
        raise unread from None
