"""Files of messages: read from S3 while the message is built, within a limit of memory."""

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from notifier import Attachment, Email, Event, Invitation
from notifier.aws import aws_client
from notifier.errors import AttachmentError, RoutesError, Unsendable
from notifier.process.memory_budget import WaitAborted
from notifier.settings import Settings
from tests.waiting import wait_until
from tests.workers.conftest import ses, templates_path
from tests.workers.test_deliverer import Environment, env
from workers.building import attachments
from workers.building.attachments import AttachmentReader

__all__ = ["env", "ses", "templates_path"]

pytestmark = pytest.mark.usefixtures("aws")
PDF = b"%PDF-1.7 invoice"
PDF_FILE = Attachment("invoice.pdf", content=PDF)


def settings(url: str, **more: Any) -> Settings:
    given = {"database_url": "postgresql://x", "broker_url": "redis://x", "aws_region": "eu-west-1"}
    given["sender"] = "us@example.com"
    return Settings.model_validate({**given, "aws_s3_endpoint_url": url, **more})


@pytest.fixture
def bucket(ministack_server: Any) -> Iterator[str]:
    """An empty bucket with the object `2026/ana silva.pdf`."""
    name = f"invoices-{uuid4().hex[:8]}"
    client = aws_client("s3", settings(ministack_server.url), connect_timeout=3, read_timeout=10)
    location = {"LocationConstraint": "eu-west-1"}
    client.create_bucket(Bucket=name, CreateBucketConfiguration=location)
    client.put_object(Bucket=name, Key="2026/ana silva.pdf", Body=PDF)
    yield name
    client.close()


@pytest.fixture
def reader(ministack_server: Any) -> AttachmentReader:
    return AttachmentReader(settings(ministack_server.url))


def read(reader: AttachmentReader, request: Email) -> Email:
    return reader.read(request, UUID("01890a5d-ac96-774b-bcce-b302099a8057"))


def email(*files: Attachment) -> Email:
    return Email("ana@example.com", "hello", attachments=files)


def test_an_object_of_s3_is_read(reader: AttachmentReader, bucket: str) -> None:
    file = Attachment("invoice.pdf", s3=f"s3://{bucket}/2026/ana silva.pdf")
    (found,) = read(reader, email(file)).attachments
    assert isinstance(found, Attachment)
    assert (found.content, found.name, found.media_type) == (PDF, "invoice.pdf", "application/pdf")


@pytest.mark.parametrize(("key", "code"), [("2026/nobody.pdf", "NoSuchKey"), ("", "not s3://BUCKET/KEY")])
def test_an_object_that_is_missing_is_an_error_that_names_no_person(
    reader: AttachmentReader, bucket: str, key: str, code: str
) -> None:
    with pytest.raises((AttachmentError, RoutesError), match=code) as raised:
        read(reader, email(Attachment("ana.pdf", s3=f"s3://{bucket}/{key}")))
    assert "nobody" not in str(raised.value)


def test_s3_that_does_not_answer_is_an_error(bucket: str) -> None:
    reader = AttachmentReader(settings("http://127.0.0.1:9"))
    with pytest.raises(AttachmentError, match=f"S3, bucket {bucket}: EndpointConnectionError"):
        read(reader, email(Attachment("a.pdf", s3=f"s3://{bucket}/2026/ana silva.pdf")))


def test_an_object_that_no_mail_can_have_is_not_read(
    reader: AttachmentReader, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "LARGEST", len(PDF) - 1)
    with pytest.raises(Unsendable, match="have 16 bytes"):
        read(reader, email(Attachment("a.pdf", s3=f"s3://{bucket}/2026/ana silva.pdf")))


@pytest.mark.parametrize(
    "wrong",
    [
        Attachment("a.pdf", content=b"a"),
        ["a.pdf"],
        5,
    ],
)
def test_what_is_no_attachment_is_an_error_of_the_route(reader: AttachmentReader, wrong: Any) -> None:
    with pytest.raises(RoutesError):
        read(reader, Email("ana@example.com", "hello", attachments=wrong))


def test_files_wait_for_memory_until_those_of_other_messages_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = AttachmentReader(settings("", attachment_memory_mb=1))
    file = Attachment("a.bin", content=bytes(600_000))
    first = [read(reader, email(file))]
    monkeypatch.setattr(attachments, "_WAIT_SECONDS", 0.0)
    with pytest.raises(WaitAborted):
        read(reader, email(file))

    monkeypatch.setattr(attachments, "_WAIT_SECONDS", 60.0)
    second: list[Email] = []
    thread = threading.Thread(target=lambda: second.append(read(reader, email(file))))
    thread.start()
    first.clear()
    gc.collect()
    wait_until(lambda: bool(second))
    thread.join()


def test_files_of_one_message_that_need_all_memory_are_read_while_there_are_no_others() -> None:
    reader = AttachmentReader(settings("", attachment_memory_mb=1))
    file = Attachment("a.bin", content=bytes(600_000))
    assert len(read(reader, email(file, file)).attachments) == 2


def test_messages_with_several_files_do_not_wait_for_one_another(
    bucket: str, ministack_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = AttachmentReader(settings(ministack_server.url, attachment_memory_mb=1))
    monkeypatch.setattr(attachments, "_WAIT_SECONDS", 2.0)
    client = aws_client("s3", settings(ministack_server.url), connect_timeout=3, read_timeout=10)
    client.put_object(Bucket=bucket, Key="half", Body=bytes(400_000))
    client.close()
    file = Attachment("a.bin", s3=f"s3://{bucket}/half")
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: len(read(reader, email(file, file)).attachments), range(8)))
    assert results == [2] * 8


def test_files_that_no_mail_can_have_together_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "LARGEST", 3)
    file = Attachment("a.bin", content=b"12")
    with pytest.raises(Unsendable, match="its files have 4 bytes"):
        read(AttachmentReader(settings("")), email(file, file))


def test_two_invitations_of_one_mail_are_two_appointments() -> None:
    at = datetime(2026, 3, 29, 9, tzinfo=UTC)
    visits = [Invitation(at, at + timedelta(hours=1), "Visit") for _ in range(2)]
    first, second = read(
        AttachmentReader(settings("")), Email("ana@example.com", "hello", attachments=[PDF_FILE, *visits])
    ).attachments[1:]
    assert isinstance(first, Attachment)
    assert isinstance(second, Attachment)
    uid = b"UID:01890a5d-ac96-774b-bcce-b302099a8057"
    assert uid + b"@example.com" in (first.content or b"")
    assert uid + b"-2@example.com" in (second.content or b"")


def test_an_invitation_does_not_name_who_gets_a_blind_copy() -> None:
    at = datetime(2026, 3, 29, 9, tzinfo=UTC)
    visit = Invitation(at, at + timedelta(hours=1), "Visit")
    request = Email("ana@example.com", "hello", cc="desk@example.com", bcc="boss@example.com", attachments=[visit])
    (file,) = read(AttachmentReader(settings("")), request).attachments
    assert isinstance(file, Attachment)
    text = (file.content or b"").decode().replace("\r\n ", "")
    assert "mailto:ana@example.com" in text
    assert "mailto:desk@example.com" in text
    assert "boss" not in text


def route(*files: Attachment | Invitation) -> Any:
    def build(event: Event) -> Email:
        return Email((event.new or {})["to"], "hello", {"name": "Ana"}, attachments=files)

    return build


def deliver(env: Environment, reader: AttachmentReader, ids: list[UUID], *files: Attachment) -> None:
    env.deliverer(route(*files), attachments=reader).deliver(ids)


def test_a_mail_with_a_file_of_s3_is_sent_with_it(env: Environment, reader: AttachmentReader, bucket: str) -> None:
    (id_,) = env.pending("ana@example.com")
    deliver(env, reader, [id_], Attachment("invoice.pdf", s3=f"s3://{bucket}/2026/ana silva.pdf"))
    (mail,) = env.mails(id_)
    assert env.ses.get(f"/_sim/inbox/{mail['message_id']}")["attachments"] == ["invoice.pdf"]
    assert env.rows.delivery(id_)["status"] == "sent"


def test_a_file_that_is_missing_is_tried_again(env: Environment, reader: AttachmentReader, bucket: str) -> None:
    (id_,) = env.pending("ana@example.com")
    deliver(env, reader, [id_], Attachment("invoice.pdf", s3=f"s3://{bucket}/2026/bo.pdf"))
    row = env.rows.delivery(id_)
    assert (row["status"], row["failures"], row["attempt"]) == ("pending", 1, 0)
    assert row["reason"] == f"AttachmentError: a file cannot be read from S3, bucket {bucket}: NoSuchKey"


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (Attachment("setup.exe", content=b"MZ"), "SES takes no attachment whose name ends with .exe"),
        (Attachment("a.zip", content=bytes(31_000_000)), "SES takes 41,943,040"),
        (Attachment("a/b.pdf", content=b""), "attachment 1 of 1 has a name"),
    ],
)
def test_a_mail_that_ses_would_refuse_fails_before_an_attempt_begins(
    env: Environment, reader: AttachmentReader, file: Attachment, reason: str
) -> None:
    (id_,) = env.pending("ana@example.com")
    deliver(env, reader, [id_], file)
    row = env.rows.delivery(id_)
    assert (row["status"], row["attempt"]) == ("failed", 0)
    assert reason in row["reason"]
    assert env.ses.get("/_sim/counts")["requests"] == 0


def test_an_invitation_is_sent_as_a_file_of_the_calendar(env: Environment, reader: AttachmentReader) -> None:
    (id_,) = env.pending("ana@example.com")
    at = datetime(2026, 3, 29, 9, tzinfo=UTC)
    env.deliverer(route(Invitation(at, at + timedelta(hours=1), "Visit")), attachments=reader).deliver([id_])
    (mail,) = env.mails(id_)
    assert env.ses.get(f"/_sim/inbox/{mail['message_id']}")["attachments"] == ["invite.ics"]
