"""SQL statements are files: `sql/NAME.sql` in the folder of the module that runs them, one a transition or query.

    _MOVE_CHECKPOINT = statement(__package__, "move_checkpoint.sql")  # a constant of the module, read once at import

A file begins with a comment that says what the statement does, from which state, and what its parameters (`:name`)
are. Comments begin with `-- `, and are not sent to the server.

`{name}` stands for text that several statements share. It is, in this order:

    a value that the module gives        statement(__package__, "old_rows.sql", limit="1000")
    a fragment of the folder             notifier/outbox/stream/sql/lease_is_held.sql for `{lease_is_held}`
    a fragment of the whole outbox       notifier/outbox/sql/lag_seconds.sql for `{lag_seconds}`

A fragment with a hole has `{argument}` in it, which is what follows the name: `{insert_due SELECT ... FROM changed}`
is `notifier/outbox/sql/insert_due.sql` around this SELECT.
"""

import re
from functools import cache
from importlib.resources import files

from sqlalchemy import TextClause, text

_COMMENT = re.compile(r"(?m)(^|\s+)--( .*)?$")
_FRAGMENT = re.compile(r"\{(?!argument\})([a-z_]+)(?:\s+([^{}]*))?\}")  # the innermost ones first


def statement(package: str, name: str, **values: str) -> TextClause:
    """Return the statement in the file `sql/{name}` of a package, with its fragments and without its comments.

    `values` are constants of the program, by the name of their `{placeholder}`; never input of a user.
    Raises FileNotFoundError for a statement or a fragment that does not exist.
    """
    return text(_read(package, name, values))


@cache
def _stored(package: str, name: str) -> str:
    """Return the text of a file without comments. Most fragments are in several statements."""
    folder = files(package) / "sql"
    if package != __package__ and not (folder / name).is_file():
        return _stored(__package__, name)
    return _COMMENT.sub("", folder.joinpath(name).read_text("utf-8")).strip()


def _read(package: str, name: str, values: dict[str, str]) -> str:
    sql = _stored(package, name)
    while _FRAGMENT.search(sql):
        sql = _FRAGMENT.sub(lambda found: _fill(package, found, values), sql)
    return sql


def _fill(package: str, found: re.Match[str], values: dict[str, str]) -> str:
    name, argument = found.groups()
    fragment = values[name] if name in values else _read(package, f"{name}.sql", values)
    return fragment.replace("{argument}", (argument or "").strip())
