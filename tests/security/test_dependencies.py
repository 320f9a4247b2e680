"""The audit of `make check` finds what it is for."""

import pytest
from packaging.requirements import Requirement

from tests.check_dependencies import declared, faults, main, not_locked, pins, unhashed, unneeded

LOCK = """\
httpx==0.28.1 \\
    --hash=sha256:00 \\
    --hash=sha256:11
uvloop==0.22.1 ; sys_platform != 'win32' \\
    --hash=sha256:22
"""


def told(*wanted: str, lock: str = LOCK) -> list[str]:
    return list(faults(map(Requirement, wanted), lock))


def test_a_good_lock_is_let_pass() -> None:
    assert pins(LOCK) == {"httpx": "0.28.1", "uvloop": "0.22.1"}
    assert told("HTTPX>=0.28", "uvloop") == []


def test_what_is_not_locked_or_locked_too_old_is_found() -> None:
    assert told("anyio") == ["anyio is asked for, nothing is locked: `make lock`"]
    assert told("httpx>=0.29") == ["httpx>=0.29 is asked for, 0.28.1 is locked: `make lock`"]


def test_a_package_without_hashes_is_found() -> None:
    assert unhashed("idna==3.11\n" + LOCK) == ["idna"]
    assert told(lock="idna==3.11\n") == ["idna has no hash"]


def test_a_package_that_is_not_pinned_is_found() -> None:
    assert told(lock="idna>=3\n" + LOCK) == ["idna>=3 is not pinned"]


def test_the_image_holds_the_versions_that_were_tested() -> None:
    assert list(not_locked({"httpx": "0.27"}, pins(LOCK))) == ["httpx 0.27 is not in requirements.lock"]


def test_what_is_not_needed_is_found() -> None:
    locked = dict.fromkeys(
        ("httpx", "httpcore", "h11", "anyio", "idna", "certifi", "ruff", "not-installed-here"), "1"
    )
    assert unneeded([Requirement("httpx")], locked) == {"ruff"}


def test_extras_and_groups_count() -> None:
    project = {
        "project": {"dependencies": ["a"], "optional-dependencies": {"more": ["b"]}},
        "dependency-groups": {"lock": ["c"]},
    }
    assert [each.name for each in declared(project)] == ["a", "b", "c"]


def test_the_repositorys_own_locks_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert "were not looked for" in capsys.readouterr().out
