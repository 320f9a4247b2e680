"""Start a thread where the system may refuse one: it has too many, or too little memory."""

import threading

import structlog

log = structlog.get_logger(__name__)


def try_to_start(thread: threading.Thread, otherwise: str) -> bool:
    """Start a thread. If the system refuses it, log `otherwise` as a warning and return False.

    So the caller keeps only a thread that runs, and the next call can try again.
    """
    try:
        thread.start()
    except RuntimeError as error:
        log.warning(otherwise, reason=str(error))
        return False
    return True
