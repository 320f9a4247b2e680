"""Into how many parts an SMS is divided, each of which is paid for (3GPP TS 23.038). Pure."""

from typing import NamedTuple

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""They take the place of two characters."""


class Segments(NamedTuple):
    """`encoding` is GSM-7 or UCS-2; `length`, of the text, and `each`, of one part, are in its characters."""

    encoding: str
    length: int
    each: int
    parts: int


def segments_of(text: str) -> Segments:
    """Return the parts of a text. A character outside of GSM-7 makes all of it UCS-2."""
    if _BASIC.union(_EXTENDED).issuperset(text):
        length, alone, together, encoding = len(text) + sum(each in _EXTENDED for each in text), 160, 153, "GSM-7"
    else:
        length, alone, together, encoding = len(text.encode("utf-16-be", "surrogatepass")) // 2, 70, 67, "UCS-2"
    each = alone if length <= alone else together
    return Segments(encoding, length, each, max(1, -(-length // each)))
