"""Which processes run, and on which ports they listen."""

from collections.abc import Iterable

import psutil


def alive(pids: Iterable[int]) -> list[int]:
    """Those of the processes that run. Zombies do not."""
    return [pid for pid in pids if _runs(pid)]


def family(pid: int) -> list[int]:
    """The process and all its children."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


def listeners(pid: int) -> set[tuple[str, int]]:
    """The addresses and ports on which the process and its children listen, for TCP or UDP."""
    found = set()
    for member in family(pid):
        for connection in psutil.Process(member).net_connections(kind="inet"):
            if connection.status in {psutil.CONN_LISTEN, psutil.CONN_NONE}:
                found.add((connection.laddr.ip, connection.laddr.port))
    return found


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False
