"""SIGTERM for the first process of a container."""

import os
import signal

_SIGNALLED = 128


def end_at_sigterm() -> None:
    """End the process at once on SIGTERM, until another handler is installed.

    The kernel does that for every process but number 1, for which the default is to ignore the signal. Without this,
    a container that has no init could not be stopped while it starts, or while it runs a command that handles no
    signals.
    """
    if os.getpid() == 1 and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(_SIGNALLED + number))
