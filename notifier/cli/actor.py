"""Who runs a command: the name that is written beside each change."""

import getpass
import os
import socket

from notifier.settings import load_database_settings


def actor() -> str:
    """Return NOTIFIER_ACTOR if it is set, else the login name and the host, as `eva@desk`."""
    if given := load_database_settings().actor:
        return given
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a container may run as a user without a name
        return f"{os.getuid()}@{socket.gethostname()}"
