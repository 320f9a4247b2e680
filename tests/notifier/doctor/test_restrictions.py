"""What processes, the doctor and the console say of settings that keep messages from people."""

import pytest

from notifier.process.restrictions import restrictions
from notifier.settings.restrictions import RestrictionSettings

SECRETS = ("services/T1/B2/secret", "ana@", "team@", "912345678", "token-of-a-device", "password")


def test_addresses_are_masked_as_logs_and_pages_must_not_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who knows the URL of a chat can post there."""
    chat = "https://hooks.slack.com/services/T1/B2/secret"
    monkeypatch.setenv(
        "NOTIFIER_REDIRECT_TO", f"team@example.com,sms=+351912345678,chat={chat},push=token-of-a-device"
    )
    monkeypatch.setenv(
        "NOTIFIER_ONLY_TO",
        f"*@example.com,ana@example.com,+3519*,https://a:password@example.org/*,*/{chat.partition('//')[2]},{chat}",
    )
    said = list(restrictions(RestrictionSettings()))
    assert not [each for each in SECRETS if each in " ".join(said)]
    assert said[0].endswith(
        "messages go to *@example.com, a…@example.com, +3519*, https://example.org/…, */…, "
        "https://hooks.slack.com/… alone; others are skipped"
    )
    assert said[1].endswith(
        "all messages by chat to https://hooks.slack.com/…, email to t…@example.com, push to to…, sms to +3…; "
        "other channels send nothing"
    )
