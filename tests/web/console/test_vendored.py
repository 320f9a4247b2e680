"""Files of other people are those that were looked at."""

import hashlib
from pathlib import Path

import web.console

STATIC = Path(web.console.__file__).with_name("static")
HTMX_2_0_11 = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"


def test_htmx_is_the_published_file() -> None:
    assert hashlib.sha256((STATIC / "htmx.min.js").read_bytes()).hexdigest() == HTMX_2_0_11
    assert 'version:"2.0.11"' in (STATIC / "htmx.min.js").read_text()


def test_its_licence_is_beside_it() -> None:
    assert "Zero-Clause BSD" in (STATIC / "htmx.LICENSE.txt").read_text()
