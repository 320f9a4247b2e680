"""The scan of `make check` finds what it is for."""

import subprocess
from pathlib import Path

import pytest

from tests.check_secrets import SECRETS, secrets

# Put together here, so that no file of the repository holds one.
PLANTED = {
    "a key of AWS": "AKIA" + "ABCDEFGHIJ234567",
    "a secret key of AWS": "AWS_SECRET_ACCESS_KEY=" + "abcdefghij" * 4,
    "a private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "a token of GitHub": "ghp_" + "a1" * 18,
    "a token of GitLab": "glpat-" + "a1" * 10,
    "a token of Slack": "xoxb-" + "1234567890",
    "a key of Google": "AIza" + "a" * 35,
    "a key of Stripe": "sk_live_" + "a" * 16,
    "a token of PyPI": "pypi-" + "AgEIcHlwaS5vcmc" + "a" * 50,
    "a token of npm": "npm_" + "a" * 36,
    "a JSON Web Token": ".".join(["eyJ" + "a" * 10, "eyJ" + "b" * 10, "c" * 10]),
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(".env\n")
    return tmp_path


@pytest.mark.parametrize("kind", SECRETS)
def test_a_planted_secret_is_found_and_not_repeated(repository: Path, kind: str) -> None:
    (repository / "notes.txt").write_text(f"first\nkey: {PLANTED[kind]}\n")
    assert list(secrets(repository)) == [f"notes.txt:2: {kind}"]


def test_what_git_ignores_is_not_searched(repository: Path) -> None:
    (repository / ".env").write_text(PLANTED["a key of AWS"])
    (repository / "picture.bin").write_bytes(bytes(range(256)))
    assert list(secrets(repository)) == []


def test_the_repository_holds_none() -> None:
    assert list(secrets(Path(__file__).parents[2])) == []
