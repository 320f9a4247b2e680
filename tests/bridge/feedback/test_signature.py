"""Envelopes of SNS, signed with a certificate of our own making, and what is wrong with forged ones."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from bridge.feedback.certificates import Certificates
from bridge.feedback.envelope import MessageParser
from bridge.feedback.sns_signature import SignatureVerifier, canonical
from bridge.feedback.topic import Topic
from notifier.errors import DecodeError, SettingsError, Unreachable
from notifier.feedback import DeadLetter
from simulators.ses.events.sns import Signer
from tests.bridge.feedback import records

TOPIC = Topic.of("arn:aws:sns:eu-west-1:123456789012:ses-events")
MESSAGE = json.dumps(records.delivery())


@cache
def signer(version: str = "2", name: str = "sns.amazonaws.com", days: int = 30) -> Signer:
    return Signer("eu-west-1", version=version, name=name, until=datetime.now(UTC) + timedelta(days=days))


def envelope(by: Signer | None = None, ago: timedelta = timedelta(0), **changes: Any) -> dict[str, Any]:
    """Return a signed envelope; `changes` are made after signing."""
    at = datetime.now(UTC) - ago
    return (by or signer()).envelope(TOPIC.arn, MESSAGE, at.timestamp()) | changes


def signatures(by: Signer | None = None, certificate: bytes | None = None) -> SignatureVerifier:
    """Return a verifier that finds this signer's certificate at its URL, or another file."""
    known = by or signer()

    def fetch(url: str) -> bytes:
        assert url == known.url
        return certificate or known.certificate

    return SignatureVerifier(TOPIC, Certificates(TOPIC, fetch))


def refusal(found: SignatureVerifier, message: dict[str, Any]) -> str:
    with pytest.raises(DecodeError) as error:
        found.check(message)
    return str(error.value)


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_are_known(version: str) -> None:
    by = signer(version)
    signatures(by).check(envelope(by))


def test_a_subject_may_be_missing() -> None:
    for subject in ({}, {"Subject": None}):
        message = {name: value for name, value in envelope().items() if name not in ("Subject", "Signature")}
        signed = {**message, "Signature": signer().sign(message), **subject}
        signatures().check(signed)


def test_what_is_signed_is_what_the_documentation_says() -> None:
    message = {name: name.lower() for name in ("Type", "TopicArn", "Timestamp", "Subject", "MessageId", "Message")}
    assert canonical({**message, "Token": "x", "Signature": "x"}) == (
        b"Message\nmessage\nMessageId\nmessageid\nSubject\nsubject\n"
        b"Timestamp\ntimestamp\nTopicArn\ntopicarn\nType\ntype\n"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"Message": json.dumps(records.complaint())},
        {"MessageId": "another"},
        {"Subject": "another"},
        {"Subject": None},
        {"Type": "SubscriptionConfirmation"},
        {"Signature": base64.b64encode(b"x" * 256).decode()},
        {"SignatureVersion": "1"},
    ],
)
def test_what_is_changed_after_it_was_signed_is_forged(changes: dict[str, Any]) -> None:
    assert refusal(signatures(), envelope(**changes)) == "forged: its signature is not SNS's"


def test_what_somebody_else_signed_is_forged() -> None:
    by = Signer("eu-west-1", version="2")
    assert "forged" in refusal(signatures(), envelope(by, SigningCertURL=signer().url))


@pytest.mark.parametrize(
    "arn", ["arn:aws:sns:eu-west-1:123456789012:other", "arn:aws:sns:us-east-1:123456789012:ses-events", None, 7]
)
def test_another_topic(arn: Any) -> None:
    message = envelope()
    message |= {"TopicArn": arn}
    message["Signature"] = signer().sign(message)  # genuine, of SNS, and not ours
    assert "another topic" in refusal(signatures(), message)


HOST = "https://sns.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://snsXeu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.cn/SimpleNotificationService-1.pem",
        f"{HOST}/../SimpleNotificationService-1.pem",
        f"{HOST}/SimpleNotificationService-1.pem?x=y",
        f"{HOST}/SimpleNotificationService-1.pem\n",
        f"{HOST}/SimpleNotificationService-1.txt",
        f"{HOST}/?Action=Publish&x=.pem",
        "file:///etc/passwd",
        "",
        None,
        7,
    ],
)
def test_no_other_host_is_ever_asked(url: Any) -> None:
    def fetch(_: str) -> bytes:
        raise AssertionError("asked")

    found = SignatureVerifier(TOPIC, Certificates(TOPIC, fetch))
    assert "SigningCertURL" in refusal(found, envelope(SigningCertURL=url))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"SignatureVersion": "3"}, "SignatureVersion"),
        ({"SignatureVersion": None}, "SignatureVersion"),
        ({"SignatureVersion": []}, "SignatureVersion"),
        ({"Signature": None}, "no signature"),
        ({"Signature": "not base64!"}, "no signature"),
        ({"Signature": "ü"}, "no signature"),
        ({"Timestamp": "yesterday"}, "Timestamp"),
        ({"Timestamp": "2026-11-25T09:30:00.123"}, "Timestamp"),
        ({"Timestamp": None}, "Timestamp"),
        ({"Message": {}}, "Message"),
        ({"MessageId": None}, "MessageId"),
        ({"Subject": 7}, "Subject"),
        ({"Message": "\ud800"}, "no text"),
    ],
)
def test_an_envelope_with_a_part_that_is_wrong(changes: dict[str, Any], says: str) -> None:
    assert says in refusal(signatures(), envelope(**changes))


@pytest.mark.parametrize("ago", [timedelta(days=16), timedelta(days=-2)])
def test_a_message_older_than_any_queue_keeps_it(ago: timedelta) -> None:
    assert "further away" in refusal(signatures(), envelope(ago=ago))


def test_a_message_may_wait_until_its_certificate_has_ended() -> None:
    by = signer(days=-1)
    signatures(by).check(envelope(by, ago=timedelta(days=2)))


@pytest.mark.parametrize("days", [-1, 400])
def test_a_certificate_that_was_not_valid_when_the_message_was_signed(days: int) -> None:
    by = signer(days=days)
    assert "not valid when it was signed" in refusal(signatures(by), envelope(by))


@pytest.mark.parametrize(
    "name", ["sns.amazonaws.com", "sns-signing.eu-west-1.amazonaws.com", "sns.eu-west-1.amazonaws.com"]
)
def test_names_that_sns_signs_with(name: str) -> None:
    by = signer(name=name)
    signatures(by).check(envelope(by))


@pytest.mark.parametrize(
    "name", ["evil.example", "sns.us-east-1.amazonaws.com", "xsns.amazonaws.com", "amazonaws.com"]
)
def test_a_certificate_of_somebody_else(name: str) -> None:
    by = signer(name=name)
    assert "not of SNS" in refusal(signatures(by), envelope(by))


def certificate_of(key: Any) -> bytes:
    now, name = datetime.now(UTC), x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")
    subject = x509.Name([name])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now)
    signed = builder.not_valid_after(now + timedelta(days=1)).sign(key, SHA256())
    return signed.public_bytes(Encoding.PEM)


@pytest.mark.parametrize("file", [b"<html>", b"\n", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_a_file_that_is_no_certificate(file: bytes) -> None:
    assert "no certificate" in refusal(signatures(certificate=file), envelope())


@pytest.mark.parametrize(
    "make", [lambda: ec.generate_private_key(ec.SECP256R1()), lambda: rsa.generate_private_key(65537, 1024)]
)
def test_a_certificate_with_a_key_that_proves_nothing(make: Callable[[], Any]) -> None:
    assert "RSA" in refusal(signatures(certificate=certificate_of(make())), envelope())


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Sns:
    """Stands in for SNS: serves certificates and counts the requests."""

    def __init__(self, answer: Callable[[], bytes]) -> None:
        self.answer = answer
        self.asked = 0

    def __call__(self, _: str) -> bytes:
        self.asked += 1
        return self.answer()


def fails(error: Exception) -> Callable[[], bytes]:
    def answer() -> bytes:
        raise error

    return answer


def test_a_certificate_is_fetched_once_a_day() -> None:
    sns, clock = Sns(lambda: signer().certificate), Clock()
    found = SignatureVerifier(TOPIC, Certificates(TOPIC, sns, clock))
    for _ in range(3):
        found.check(envelope())
    assert sns.asked == 1
    clock.now += 90_000
    found.check(envelope())
    assert sns.asked == 2


def test_a_certificate_that_is_not_there_is_not_asked_for_with_every_message() -> None:
    sns, clock = Sns(fails(DecodeError("SNS answers 404"))), Clock()
    found = SignatureVerifier(TOPIC, Certificates(TOPIC, sns, clock))
    assert [refusal(found, envelope()) for _ in range(3)] == ["SNS answers 404"] * 3
    assert sns.asked == 1
    clock.now += 61
    sns.answer = lambda: signer().certificate
    found.check(envelope())


def test_while_sns_does_not_answer_it_is_asked_every_few_seconds() -> None:
    sns, clock = Sns(fails(Unreachable("away"))), Clock()
    found = SignatureVerifier(TOPIC, Certificates(TOPIC, sns, clock))
    for _ in range(3):
        with pytest.raises(Unreachable):
            found.check(envelope())
    assert sns.asked == 1
    clock.now += 6
    sns.answer = lambda: signer().certificate
    found.check(envelope())


def test_many_urls_do_not_fill_the_memory() -> None:
    certificates = Certificates(TOPIC, Sns(fails(DecodeError("none"))))
    for number in range(100):
        with pytest.raises(DecodeError):
            certificates.key(f"{HOST}/SimpleNotificationService-{number}.pem", datetime.now(UTC))
    assert len(certificates._known) <= 32


@pytest.mark.parametrize(
    ("arn", "host"),
    [
        ("arn:aws:sns:ap-southeast-7:123456789012:t", "sns.ap-southeast-7.amazonaws.com"),
        ("arn:aws-us-gov:sns:us-gov-east-1:123456789012:t", "sns.us-gov-east-1.amazonaws.com"),
        ("arn:aws-cn:sns:cn-north-1:123456789012:t", "sns.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_each_partition_has_its_hosts(arn: str, host: str) -> None:
    topic = Topic.of(arn)
    assert topic.host == host
    assert topic.signing_url(f"https://{host}/SimpleNotificationService-0a1b.pem")
    assert ("sns.amazonaws.com" in topic.signers) == arn.startswith("arn:aws:")


@pytest.mark.parametrize(
    "arn", ["ses-events", "arn:aws:sqs:eu-west-1:123456789012:q", "arn:aws:sns:evil.example/:123456789012:t", "x\n"]
)
def test_what_is_no_topic_is_refused(arn: str) -> None:
    with pytest.raises(SettingsError, match="NOTIFIER_FEEDBACK_TOPIC_ARN"):
        Topic.of(arn)


@given(st.sampled_from(sorted(envelope())), st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2))
def test_no_envelope_that_is_changed_is_accepted(name: str, put: Any) -> None:
    before = envelope()
    found = MessageParser(signatures()).parse(json.dumps({**before, name: put}))
    if name == "UnsubscribeURL" or put == before[name]:
        assert isinstance(found, list)  # not signed, and not used
    else:
        assert isinstance(found, DeadLetter)
        assert not found.error.startswith("a mistake"), found.error
