import re

import pytest

from tests.web.console.person import Person


def test_static_files_are_kept_for_a_year_under_addresses_that_change_with_them(viewer: Person) -> None:
    html = viewer.get("/").text
    found = re.findall(r'(?:href|src)="(/static/[0-9a-f]{16}/[\w.]+)"', html)
    assert {path.rpartition("/")[2] for path in found} == {"console.css", "hidden.js", "htmx.min.js", "icon.svg"}
    for path in found:
        answer = viewer.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert viewer.get(found[0].replace("/static/", "/static/0")).status_code == 404


@pytest.mark.parametrize("path", ["/static/0/console.css", "/static/0/..%2fapp.py", "/static/0/"])
def test_nothing_else_is_served(viewer: Person, path: str) -> None:
    assert viewer.get(path).status_code == 404
