"""Parts of an SMS, against the lengths that 3GPP TS 23.038 gives."""

import pytest

from notifier.sms import segments_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("GSM-7", 0, 160, 1)),
        ("a" * 160, ("GSM-7", 160, 160, 1)),
        ("a" * 161, ("GSM-7", 161, 153, 2)),
        ("a" * 306, ("GSM-7", 306, 153, 2)),
        ("a" * 307, ("GSM-7", 307, 153, 3)),
        ("€" * 80, ("GSM-7", 160, 160, 1)),
        ("é à ü ß Ñ", ("GSM-7", 9, 160, 1)),
        ("ã" * 70, ("UCS-2", 70, 70, 1)),
        ("ã" * 71, ("UCS-2", 71, 67, 2)),
        ("🎉" * 36, ("UCS-2", 72, 67, 2)),
    ],
)
def test_parts(text: str, expected: tuple[str, int, int, int]) -> None:
    assert segments_of(text) == expected
