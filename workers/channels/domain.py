"""A domain in ASCII, as mail and DNS use it."""

import re
import unicodedata

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")


def ascii_domain(domain: str) -> str:
    """Return `bücher.example` as `xn--bcher-kva.example`. Raise ValueError, whose text does not repeat the domain."""
    return ".".join(map(_label, domain.split(".")))


def _label(label: str) -> str:
    # Not the codec `idna`: it follows the standard of 2003 and turns straße into strasse, now another domain.
    if not label.isascii():
        label = unicodedata.normalize("NFKC", label.lower())
        if not all(unicodedata.category(sign)[0] in "LMN" or sign == "-" for sign in label):
            raise ValueError("has a domain with signs that no domain may have")
        label = label if label.isascii() else f"xn--{label.encode('punycode').decode()}"
    if not _LABEL.fullmatch(label):
        raise ValueError("has a domain that is not valid")
    return label
