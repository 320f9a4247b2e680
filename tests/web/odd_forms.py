"""Forms with a Content-Type that no browser sends."""

from collections.abc import Sequence

_URL_ENCODED = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_TEXTS = {
    "idna": b"xn--",
    "punycode": b"a..b",
    "undefined": b"any",
    "unicode_escape": b"\\ud800",
    "raw_unicode_escape": b"\\ud800",
    "utf-7": b"+2AA-",
    "base64": b"%%%",
    "rot13": b"any",
    "hex": b"any",
    "zlib": b"any",
    "mbcs": b"\xff",
    "utf-16": b"\xd8\x00\xd8",
    "utf-8": b"\xff\xfe",
    "no-such": b"\xff\xfe",
    "": b"\xff\xfe",
}
"""By charset, a text that its codec refuses, or of which it makes what is no text: half of a surrogate pair."""


def _part(name: bytes, text: bytes, more: bytes = b"") -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="' + name + b'"' + more
    return head + b"\r\n\r\n" + text + b"\r\n--b--\r\n"


def _of_charset(charset: str, text: bytes) -> Sequence[tuple[str, bytes]]:
    type_ = f"{_MULTIPART}; boundary=b; charset={charset}"
    as_text, as_name = _part(b"csrf", text), _part(text, b"x")
    as_file = _part(b"file", b"x", b'; filename="' + text + b'"')
    return [*((type_, each) for each in (as_text, as_name, as_file)), (f"{_URL_ENCODED}; charset={charset}", text)]


ODD_FORMS: Sequence[tuple[str, bytes]] = [
    *(form for charset, text in _TEXTS.items() for form in _of_charset(charset, text)),
    *((f"{type_}; charset=idna", b"csrf=xn--") for type_ in (_URL_ENCODED, _MULTIPART, "text/plain")),
    *(
        (type_, _part(b"csrf", b"x"))
        for type_ in (
            _MULTIPART,
            f"{_MULTIPART}; boundary",
            f"{_MULTIPART}; boundary=",
            f'{_MULTIPART}; boundary=""',
            f'{_MULTIPART}; boundary="b',
            f"{_MULTIPART}; boundary=other",
            f"{_MULTIPART}; boundary={'b' * 300}",
            f"{_MULTIPART};;;",
            f"{_MULTIPART}; boundary=b; boundary=c",
            "multipart/mixed; boundary=b",
            f"{_URL_ENCODED}; boundary=b",
            "application/json",
            "/",
            ";",
            "",
        )
    ),
    (f"{_MULTIPART}; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n"),
    (f"{_MULTIPART}; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
    (f"{_MULTIPART}; boundary=b", b"--b\r\n: x\r\n\r\nx\r\n--b--\r\n"),
    (_URL_ENCODED, b"csrf=%ed%a0%80&%=%zz&&&=;"),
]
"""Content types with a body that is read by them."""

FEW_ODD_FORMS: Sequence[tuple[str, bytes]] = [
    *(_of_charset(charset, _TEXTS[charset])[0] for charset in ("idna", "undefined", "utf-7")),
    (_MULTIPART, _part(b"csrf", b"x")),
    (f"{_MULTIPART}; boundary=other", _part(b"csrf", b"x")),
    (f"{_URL_ENCODED}; charset=idna", b"csrf=xn--"),
]
"""Some of them, for tests that send them to many addresses."""
