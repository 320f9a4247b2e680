"""A mail as SMTP sends it."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import pytest

from notifier import Attachment, Email
from notifier.messages import EmailContent, Message
from workers.channels.smtp.mail import Mail, mail_of

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
US = "Us <us@example.com>"


def made(email: Email, content: EmailContent | None = None, attempt: int = 1, return_path: str = "") -> Mail:
    message = Message(ID, attempt, email, content or EmailContent("Hello", "Good day", None))
    return mail_of(message, US, return_path, 1_700_000_000.0)


def read(mail: Mail) -> EmailMessage:
    found = message_from_bytes(mail.data, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def test_envelope_and_headers_name_sender_and_recipient() -> None:
    mail = made(Email("Zoë <zoe@bücher.example>", "x", reply_to="desk@example.com"))
    assert (mail.sender, mail.recipients) == ("us@example.com", ("zoe@xn--bcher-kva.example",))
    found = read(mail)
    assert found["To"] == "Zoë <zoe@xn--bcher-kva.example>"
    assert (found["From"], found["Reply-To"]) == (US, "desk@example.com")
    assert found["Date"] == "Tue, 14 Nov 2023 22:13:20 -0000"
    assert found["X-Notification-Id"] == str(ID)


def test_the_message_id_is_the_same_in_each_attempt() -> None:
    first, second = (made(Email("ana@example.com", "x"), attempt=number) for number in (1, 2))
    assert first.message_id == second.message_id == read(first)["Message-ID"] == f"<{ID}@example.com>"


def test_bounces_go_to_the_return_path() -> None:
    mail = made(Email("ana@example.com", "x"), return_path="bounces@example.com")
    assert (mail.sender, read(mail)["From"]) == ("bounces@example.com", US)


def test_text_and_html_arrive_as_they_were_rendered() -> None:
    text, html = "Olá\n.a line with a dot\n..two\n", f"<p>Olá {'x' * 2000}</p>\n"
    mail = made(Email("ana@example.com", "x"), EmailContent("Olá, " + "ç" * 200, text, html))
    assert all(len(line) <= 998 for line in mail.data.split(b"\r\n"))
    assert not any(line.startswith(b".") and not line.startswith(b"..") for line in mail.data.split(b"\r\n"))
    assert b"\n" not in mail.data.replace(b"\r\n", b"")
    assert mail.data.isascii()
    undotted = mail.data.replace(b"\r\n..", b"\r\n.")
    found = message_from_bytes(undotted, policy=default)
    assert isinstance(found, EmailMessage)
    assert found["Subject"] == "Olá, " + "ç" * 200
    plain, rich = found.get_body(("plain",)), found.get_body(("html",))
    assert plain is not None
    assert rich is not None
    read_back = [each.get_content().replace("\r\n", "\n") for each in (plain, rich)]
    assert read_back == [text, html]


def test_a_long_url_in_a_header_is_not_broken() -> None:
    url = f"<https://example.com/{'u' * 300}>"
    assert (
        f"List-Unsubscribe: {url}\r\n".encode()
        in made(Email("a@example.com", "x", headers={"List-Unsubscribe": url})).data
    )


@pytest.mark.parametrize(
    "email",
    [
        Email("ana@example.com, bo@example.com", "x"),
        Email("ana@example.com\r\nRCPT TO:", "x"),
        Email("ana@example.com", "x", sender="nobody"),
        Email("ana@example.com", "x", headers={"Bcc": "bo@example.com"}),
        Email("ana@example.com", "x", headers={"X-A\r\nB": "1"}),
    ],
)
def test_what_no_mail_may_have_is_refused(email: Email) -> None:
    with pytest.raises(ValueError, match=r"`to`|`sender`|header"):
        made(email)


@pytest.mark.parametrize(
    "email",
    [
        Email("ana@example.com", "x", headers={"X-Long": "v" * 996}),
        Email("ana@example.com", "x", headers={"Date": "today"}),
        Email("ana@example.com", "x", headers={"Received": "from me"}),
        Email("ana@example.com", "x", headers={"X" * 127: "1"}),
        Email("ana@example.com", "x", headers={f"X-{n}": "1" for n in range(15)}),
        Email("zoë@example.com", "x"),
    ],
)
def test_the_reason_of_a_refusal_does_not_name_ses(email: Email) -> None:
    with pytest.raises(ValueError, match=r"header|ASCII") as refused:
        made(email)
    assert "SES" not in str(refused.value)


def test_a_line_break_in_a_subject_starts_no_header() -> None:
    mail = made(Email("ana@example.com", "x"), EmailContent("Hi\r\nBcc: bo@example.com", "x", None))
    assert read(mail)["Bcc"] is None


def test_files_are_attached_and_images_stand_beside_the_html() -> None:
    files = [
        Attachment("Rechnung für Ana.pdf", content=b"%PDF"),
        Attachment("logo.png", content=b"PNG", content_id="logo"),
        Attachment("a.txt", content=b"x", type="text/plain; charset=utf-8"),
    ]
    html = '<p><img src="cid:logo" alt="Us"></p>'
    found = read(made(Email("ana@example.com", "x", attachments=files), EmailContent("Hi", "Text", html)))
    assert found.get_content_type() == "multipart/mixed"
    parts = {each.get_content_type(): each for each in found.walk()}
    assert parts["application/pdf"].get_filename() == "Rechnung für Ana.pdf"
    assert parts["application/pdf"].get_payload(decode=True) == b"%PDF"
    assert parts["image/png"]["Content-ID"] == "<logo>"
    assert parts["image/png"].get_content_disposition() == "inline"
    related = parts["multipart/related"]
    assert [each.get_content_type() for each in related.walk()][1:] == ["text/html", "image/png"]
    body = found.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    assert body.get_content().strip() == "Text"


def test_an_image_of_a_mail_without_html_is_a_file() -> None:
    image = Attachment("logo.png", content=b"PNG", content_id="logo")
    found = read(made(Email("ana@example.com", "x", attachments=[image])))
    assert [each.get_filename() for each in found.iter_attachments()] == ["logo.png"]


def test_a_file_that_was_not_read_is_not_sent() -> None:
    with pytest.raises(ValueError, match="not read"):
        made(Email("ana@example.com", "x", attachments=[Attachment("a.pdf", s3="s3://bucket/a")]))


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        (Attachment("export.csv.gz", content=b"\x1f\x8b"), "application/gzip"),
        (Attachment("logs.tar.xz", content=b"xz"), "application/x-xz"),
        (Attachment("old.Z", content=b"Z"), "application/octet-stream"),
        (Attachment("mail.eml", content=b"Subject: x\r\n\r\nhello"), "application/octet-stream"),
        (Attachment("a.bin", content=b"x", type="Multipart/Mixed"), "application/octet-stream"),
        (Attachment("team.ics", content=b"BEGIN:VCALENDAR"), "text/calendar"),
    ],
)
def test_a_file_arrives_as_it_is_whatever_its_name(file: Attachment, kind: str) -> None:
    mail = read(made(Email("ana@example.com", "t", attachments=[file]), EmailContent("S", "text", "<p>html</p>")))
    (found,) = mail.iter_attachments()
    assert (found.get_content_type(), found.get_filename()) == (kind, file.name)
    assert found.get_content_disposition() == "attachment"
    assert found.get_payload(decode=True) == file.content


def test_an_invitation_is_another_form_of_the_text() -> None:
    file = Attachment(
        "invite.ics", content=b"BEGIN:VCALENDAR\r\n", type="text/calendar; method=REQUEST; charset=UTF-8"
    )
    found = read(made(Email("ana@example.com", "x", attachments=[file]), EmailContent("Hi", "Text", "<p>Text</p>")))
    assert found.get_content_type() == "multipart/alternative"
    *_, calendar = found.iter_parts()
    assert (calendar.get_content_type(), calendar.get_param("method")) == ("text/calendar", "REQUEST")


def test_copies_are_in_the_envelope_and_blind_ones_in_no_header() -> None:
    mail = made(
        Email(["Ana <ana@example.com>", "bo@example.com"], "x", cc="Zoë <zoe@example.com>", bcc=["di@example.com"])
    )
    assert mail.recipients == ("ana@example.com", "bo@example.com", "zoe@example.com", "di@example.com")
    found = read(mail)
    assert (found["To"], found["Cc"], found["Bcc"]) == (
        "Ana <ana@example.com>, bo@example.com", "Zoë <zoe@example.com>", None,
    )  # fmt: skip
    assert b"di@example.com" not in mail.data


def test_a_recipient_that_is_named_twice_is_one() -> None:
    mail = made(Email(["ana@example.com", "Bo <bo@example.com>"], "x", cc="ANA@example.com", bcc="bo@example.com"))
    assert mail.recipients == ("ana@example.com", "bo@example.com")
    assert (read(mail)["To"], read(mail)["Cc"]) == ("ana@example.com, Bo <bo@example.com>", None)


@pytest.mark.parametrize(("field", "wrong"), [("cc", "nobody"), ("bcc", ["a@example.com", "b"])])
def test_a_copy_to_an_invalid_address_is_named_by_its_field(field: str, wrong: object) -> None:
    with pytest.raises(ValueError, match=f"the address in `{field}` has no @"):
        made(Email("ana@example.com", "x", **{field: wrong}))  # type: ignore[arg-type]
