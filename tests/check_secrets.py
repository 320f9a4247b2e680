"""`make check`: no key, token or password has been written into a file of the repository."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Each begins with a class of one letter, so that it does not find itself.
SECRETS = {
    "a key of AWS": r"\b(?:[A]KIA|[A]SIA)[0-9A-Z]{16}\b",
    "a secret key of AWS": r"(?i:[a]ws_secret_access_key)[\"']?\s*[=:]\s*[\"']?[0-9A-Za-z/+]{40}\b",
    "a private key": r"-----[B]EGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a token of GitHub": r"\b[g](?:h[pousr]_[0-9A-Za-z]{36}|ithub_pat_[0-9A-Za-z_]{60,})",
    "a token of GitLab": r"\b[g]lpat-[0-9A-Za-z_-]{20}",
    "a token of Slack": r"\b[x]ox[abeoprs]-[0-9A-Za-z-]{10,}",
    "a key of Google": r"\b[A]Iza[0-9A-Za-z_-]{35}",
    "a key of Stripe": r"\b[sr]k_live_[0-9A-Za-z]{16,}",
    "a token of PyPI": r"\b[p]ypi-AgEIcHlwaS5vcmc[0-9A-Za-z_-]{50,}",
    "a token of npm": r"\b[n]pm_[0-9A-Za-z]{36}",
    "a JSON Web Token": r"\b[e]yJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",
}
_PATTERN = re.compile("|".join(f"({pattern})" for pattern in SECRETS.values()))


def main() -> int:
    found = list(secrets(Path(__file__).parents[1]))
    for line in found:
        print(line)
    if not found:
        print(f"secrets: none of {len(SECRETS)} kinds in the repository's files")
    return min(len(found), 1)


def secrets(root: Path) -> Iterator[str]:
    """Where one stands, and of which kind, in the files that git knows or would take. Does not repeat it."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    ).stdout
    for name in sorted(filter(None, names.decode().split("\0"))):
        path = root / name
        if path.is_file():
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                if match := _PATTERN.search(line):
                    yield f"{name}:{number}: {list(SECRETS)[match.lastindex - 1 if match.lastindex else 0]}"


if __name__ == "__main__":
    sys.exit(main())
