"""Attachments in requests to SES."""

import json
from base64 import b64decode
from typing import Any

import pytest

from notifier import Attachment, Email
from notifier.errors import Unsendable
from notifier.messages import EmailContent
from notifier.outcomes import Rejected
from tests.workers.channels.ses.test_calls import message, planned, shapes
from workers.channels.ses.attachments import MAX_MESSAGE, check_ses_attachments

PDF = Attachment("invoice.pdf", content=b"%PDF")
LOGO = Attachment("logo.png", content=b"\x89PNG", content_id="logo")
TEXT = EmailContent("S", "T", None)


def attachments(*files: Attachment) -> list[dict[str, Any]]:
    (call,) = planned(message(attachments=files)).calls
    found: list[dict[str, Any]] = json.loads(call.body)["Content"]["Simple"]["Attachments"]
    return found


def test_a_mail_with_files_leaves_by_itself_and_the_others_in_bulk() -> None:
    plan = planned(message(), message(attachments=[PDF]), message())
    assert shapes(plan) == [("SendEmail", (1,)), ("SendBulkEmail", (0, 2))]


def test_a_file_and_an_image_within_the_text() -> None:
    file, image = attachments(PDF, LOGO)
    assert b64decode(file.pop("RawContent")) == b"%PDF"
    assert file == {
        "FileName": "invoice.pdf",
        "ContentType": "application/pdf",
        "ContentDisposition": "ATTACHMENT",
        "ContentTransferEncoding": "BASE64",
    }
    assert (image["ContentDisposition"], image["ContentId"], image["ContentType"]) == ("INLINE", "logo", "image/png")


def test_a_mail_without_files_says_nothing_of_them() -> None:
    (call,) = planned(message(), bulk_from=None).calls
    assert "Attachments" not in json.loads(call.body)["Content"]["Simple"]


def test_a_file_that_was_not_read_is_not_sent() -> None:
    plan = planned(message(attachments=[Attachment("a.pdf", s3="s3://bucket/a")]))
    assert plan.rejected == {0: Rejected("an attachment was not read")}


@pytest.mark.parametrize(
    "wrong",
    [
        [Attachment("a.EXE", content=b"")],
        [Attachment("report.pdf.js ", content=b"")],
        [Attachment("", content=b"")],
        [Attachment("a\n.pdf", content=b"")],
        [Attachment("a" * 256, content=b"")],
        [Attachment("../a.pdf", content=b"")],
        [Attachment("a.pdf", content=b"", type="pdf")],
        [Attachment("a.pdf", content=b"", type="text/plain\r\nX: 1")],
        [Attachment("a.png", content=b"", content_id="<logo>")],
        [Attachment("a.png", content=b"", content_id="")],
        [LOGO, LOGO],
        [Attachment("a.zip", content=bytes(MAX_MESSAGE * 3 // 4))],
        [Attachment("a.zip", content=bytes(MAX_MESSAGE // 3))] * 3,
    ],
)
def test_what_ses_does_not_take_is_named_before_it_is_sent(wrong: list[Attachment]) -> None:
    with pytest.raises(Unsendable):
        check_ses_attachments(Email("ana@example.com", "x", attachments=wrong), TEXT)


def test_files_up_to_the_limit_are_taken() -> None:
    one = Attachment("a.zip", content=bytes(30_000_000))
    check_ses_attachments(Email("ana@example.com", "x", attachments=[one, PDF, LOGO]), TEXT)
