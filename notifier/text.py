"""What a text may contain when it leaves this process: a rule for all channels, one for terminals, one for recipients
that are shown.
"""

import re
import unicodedata

import orjson

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")
_C1 = re.compile(rb"\xc2[\x80-\x9f]")
_C1_LEADS = b"\xc2"
_SOUND_BYTES = bytes(byte for byte in range(256) if byte in b"\t\n\r" or byte not in (*range(0x20), 0x7F))
_BREAKS = re.compile("[\t\n\r\u2028\u2029]+")
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_HOST = re.compile(r"(?:[^\s/?#\\]*@)?((?:\[[0-9a-f:.]+\]|[^\s/?#\\@:\[\]]+)(?::[0-9]+)?)(?=[/?#]|$)", re.IGNORECASE)
_MAIL = re.compile(r"(?:[^<>]*<)?([^\s<>/:?#]*)@([^\s<>/:?#@]+)>?")
_BOM_AS_LATIN_1 = "\u00ef\u00bb\u00bf"

UNSEEN = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
"""Invisible characters, written as the inside of a regular expression's character class: soft hyphens, zero-width
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
    """Return whether the text can be written as UTF-8.

    It cannot if it contains a lone surrogate, as which Python reads variables and arguments that are not UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def utf8(text: str) -> bytes:
    """Return the text as UTF-8. Raise UnicodeEncodeError for a lone surrogate.

    As `text.encode()`, but Python keeps the UTF-8 of a text that is not ASCII: who encodes it next gets a copy.
    """
    if text.isascii():
        return text.encode()
    try:
        return orjson.dumps(orjson.Fragment(text))
    except TypeError:
        return text.encode()


def sound(text: str) -> str:
    """Replace what messages must not contain: return the text with U+FFFD in place of each control character except
    tabs and line breaks, and of each lone surrogate. A pair of surrogates becomes the character that it encodes.
    """
    if text.isprintable():
        return text
    try:
        data = utf8(text)
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    else:
        # 1 µs for 1,000 characters; a search for _CONTROL takes six times as long.
        if not data.translate(None, _SOUND_BYTES) and (
            text.isascii() or _C1_LEADS not in data or not _C1.search(data)
        ):
            return text
    return _CONTROL.sub("\ufffd", text)


def one_line(text: str) -> str:
    """Return `sound(text)` on one line, for names and headers: each run of tabs and line breaks becomes a space."""
    if not text.isprintable():
        text = " ".join(filter(None, (each.strip(" ") for each in _BREAKS.split(sound(text)))))
    return text.strip()


def trimmed(text: str) -> str:
    """Return the text without invisible characters at its ends: white space, zero-width characters, byte-order marks
    (also one whose bytes were read as Latin-1).
    """
    text = text.strip(_AROUND)
    while text.startswith(_BOM_AS_LATIN_1):
        text = text[len(_BOM_AS_LATIN_1) :].lstrip(_AROUND)
    return text


def printable(text: str, *, lines: bool = False) -> str:
    r"""Return the text with each character escaped that a terminal acts on or does not show: `\x1b`, `\u202e`.

    These are control characters (every ANSI sequence begins with one), marks of the direction of writing, characters
    without width, lone surrogates and unassigned code points. So a text of an item or of a provider cannot change how
    other output looks. Line breaks and tabs stay if `lines` is true.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return _NOT_PLAIN.sub(lambda found: _escaped(found[0], kept), text)


def printable_json(text: str) -> str:
    """Return the same JSON with such characters escaped as JSON does it, also line breaks."""
    if text.isascii() and text.isprintable():
        return text
    return _NOT_PLAIN.sub(lambda found: _json_escaped(found[0]), text)


def masked(recipient: str) -> str:
    """Return what may be shown of a recipient: `a…@example.com`, `https://example.com/…`, `+3…`.

    That is the domain only of what is an address of mail as a whole, with or without a name, and the host only of a
    URL: the URL of a chat or a webhook is a secret, and may have an address in it.
    """
    recipient = recipient.strip()
    if url := _URL.match(recipient):
        host = _HOST.match(recipient, url.end())
        return f"{url[1]}://{host[1]}/…" if host else f"{url[1]}://…"
    if mail := _MAIL.fullmatch(recipient):
        return f"{mail[1][:1]}…@{mail[2]}"
    return f"{recipient[:2]}…"


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
