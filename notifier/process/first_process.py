"""SIGTERM for the first process of a container."""

import os
import signal

_SIGNALLED = 128


def end_at_sigterm() -> None:
    """End at once at SIGTERM, until something else handles the signal.

    The kernel does that for every process but the one with the number 1, whose default is to ignore the signal.
    Without this, a container that has no init cannot be stopped while it starts, or runs a command that handles no
    signals.
    """
    if os.getpid() == 1 and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(_SIGNALLED + number))
