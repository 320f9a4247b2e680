"""What a text may hold when it leaves this process: one rule for every channel, and one for terminals."""

import re
import unicodedata

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")
_C1 = re.compile(rb"\xc2[\x80-\x9f]")
_SOUND_BYTES = bytes(byte for byte in range(256) if byte in b"\t\n\r" or byte not in (*range(0x20), 0x7F))
_BREAKS = re.compile("[\t\n\r\u2028\u2029]+")
_BOM_AS_LATIN_1 = "\u00ef\u00bb\u00bf"

UNSEEN = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
"""Characters of no width and no meaning of their own, as the inside of a character class: soft hyphens, zero-width
spaces, marks of direction, byte-order marks. Those that join letters (U+200C, U+200D) are not among them."""

_AROUND = "".join(
    chr(code)
    for first, last in (
        *((0x09, 0x0D), (0x1C, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0xAD, 0xAD), (0x61C, 0x61C), (0x1680, 0x1680)),
        *((0x180E, 0x180E), (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
    )
    for code in range(first, last + 1)
)


def encodes(text: str) -> bool:
    """Not with half a surrogate pair in it, as which Python reads what is no UTF-8 in variables and arguments."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def sound(text: str) -> str:
    """The text with U+FFFD in place of each control character, but for tabs and line breaks, and of each half of a
    surrogate pair. Two halves side by side are the one character that they mean.
    """
    if text.isprintable():
        return text
    try:
        data = text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    else:
        # 1 us for 1,000 characters; a search for _CONTROL takes six times as long.
        if not data.translate(None, _SOUND_BYTES) and (text.isascii() or not _C1.search(data)):
            return text
    return _CONTROL.sub("\ufffd", text)


def one_line(text: str) -> str:
    """`sound`, on one line, as names and headers are: a space in place of tabs and line breaks, none around it."""
    if not text.isprintable():
        text = " ".join(filter(None, (each.strip(" ") for each in _BREAKS.split(sound(text)))))
    return text.strip()


def trimmed(text: str) -> str:
    """The text without what nobody sees around it: white space, zero-width characters, byte-order marks (also one
    whose bytes were read as Latin-1).
    """
    text = text.strip(_AROUND)
    while text.startswith(_BOM_AS_LATIN_1):
        text = text[len(_BOM_AS_LATIN_1) :].lstrip(_AROUND)
    return text


def printable(text: str, *, lines: bool = False) -> str:
    r"""The text with each character that a terminal would obey, or not show, as its escape: `\x1b`, `\u202e`.

    These are control characters (the start of every ANSI sequence is one), marks that turn the direction of writing,
    characters without width, half surrogate pairs and code points without a character. What people read in an item
    or in an answer of a provider then stands where it was put. Line breaks and tabs stay where `lines` is true.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return _NOT_PLAIN.sub(lambda found: _escaped(found[0], kept), text)


def printable_json(text: str) -> str:
    """JSON of the same meaning in which such characters are escaped as JSON has it. It has no line breaks."""
    if text.isascii() and text.isprintable():
        return text
    return _NOT_PLAIN.sub(lambda found: _json_escaped(found[0]), text)


def _harmless(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"  # spaces of other widths


def _escaped(character: str, kept: str) -> str:
    if character in kept or _harmless(character):
        return character
    return ascii(character)[1:-1]


def _json_escaped(character: str) -> str:
    if _harmless(character):
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
