"""`notifier console-user`: the local users of the console."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from notifier.cli.terminal.output import Json, print_json, say
from notifier.cli.terminal.table import print_table
from notifier.errors import SettingsError, UsageError
from notifier.settings import ConsoleUserSettings, read_settings


class RoleName(StrEnum):
    """The roles of web/console/access/role.py, which imports nothing that the help must wait for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


def console_user(
    name: Annotated[str, typer.Argument(help="Their name, which the journal will show; none lists all users.")] = "",
    role: Annotated[RoleName, typer.Option(help="What they may do.")] = RoleName.VIEWER,
    remove: Annotated[bool, typer.Option("--remove", help="Remove them; their sessions end.")] = False,
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from the standard input, to its first line's end."),
    ] = False,
    json: Json = False,
) -> None:
    """Add a user to the file of NOTIFIER_CONSOLE_USERS, or change their role and password: it asks for the password.

    A running console reads the changed file without a restart. Sessions of a changed user end. Exit 1 if --remove
    finds no such user.
    """
    from web.console.access.passwords import hashed
    from web.console.access.role import Role
    from web.console.access.users import StoredUser, UserFile

    path = read_settings(ConsoleUserSettings).console_users
    if not path:
        raise SettingsError("NOTIFIER_CONSOLE_USERS is not set: the file that holds the users of the console")
    users = UserFile(Path(path))
    if not name:
        rows = [{"name": each.name, "role": each.role.label} for each in users.all().values()]
        if json:
            print_json({"users": rows})
        else:
            print_table("Users of the console", rows, ("name", "role"), "None.")
        return
    if remove:
        changed, text = users.remove(name), "removed"
    else:
        users.put(StoredUser(name, Role[role.name], hashed(_password(password_stdin))))
        changed, text = True, f"is {role} now"
    if json:
        print_json({"name": name, "changed": changed})
    else:
        say(f"{name} {text}" if changed else f"there is no user {name} in {path}")
    if not changed:
        raise typer.Exit(1)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for the password: use --password-stdin")
    from web.console.access.passwords import LEAST_LENGTH, fitting

    # `value_proc` is called before the password is asked for a second time.
    question = f"Password ({LEAST_LENGTH} characters or more)"
    return str(typer.prompt(question, hide_input=True, confirmation_prompt=True, value_proc=fitting))
