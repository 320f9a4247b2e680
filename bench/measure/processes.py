"""CPU and memory of processes with all their children, from the operating system."""

import os
import sysconfig
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from notifier.errors import NotifierError

_BUILD_OPTIONS = {"--enable-optimizations": "PGO", "--with-lto": "LTO"}


class TooFew(NotifierError):
    """Too little was left to measure after the warm-up."""

    def __init__(self) -> None:
        super().__init__("too little was left to measure after the warm-up: measure more")


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu` is user and system seconds so far; `rss` is bytes of memory now."""

    cpu: float
    rss: int

    @classmethod
    def of(cls, *pids: int) -> "Usage":
        """The sum for these processes and all their children, also those that have ended."""
        cpu, rss = 0.0, 0
        for process in _family(pids):
            try:
                times, memory = process.cpu_times(), process.memory_info()
            except psutil.NoSuchProcess:
                continue
            cpu += times.user + times.system + times.children_user + times.children_system
            rss += memory.rss
        return cls(cpu, rss)


def _family(pids: Sequence[int]) -> list[psutil.Process]:
    """Return those of these processes that have not ended, and their children."""
    found: list[psutil.Process] = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(pid)
            found += (parent, *parent.children(recursive=True))
    return found


def usage(pids: Mapping[str, int | Sequence[int]]) -> dict[str, Usage]:
    """The usage for each name of one process, or of several with the same task."""
    return {name: Usage.of(*([each] if isinstance(each, int) else each)) for name, each in pids.items()}


def memory(pid: int) -> int:
    """Bytes of memory of this process and all its children. What processes share is counted once, as PSS (on Linux;
    elsewhere as often as they are).
    """
    found = 0
    for process in _family([pid]):
        with suppress(psutil.NoSuchProcess):
            known = process.memory_full_info()
            found += getattr(known, "pss", known.rss)
    return found


def cpu_us_per_event(before: Mapping[str, Usage], after: Mapping[str, Usage], events: int) -> dict[str, float]:
    """Microseconds of CPU for each event, by name of the process. Raises TooFew if there was none."""
    if events < 1:
        raise TooFew
    return {name: round((after[name].cpu - before[name].cpu) / events * 1e6, 1) for name in before}


def ratio(cpu: float, base: float) -> float:
    """How many times as much CPU. Raises TooFew if `base` is none: the operating system counts in 10 milliseconds."""
    if not base:
        raise TooFew
    return cpu / base


def machine() -> dict[str, object]:
    """Facts of this machine, for the results. `python` runs the benchmark and all that it measures."""
    import platform

    return {
        "cores": _cores(),
        "processor": _processor() or platform.machine(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        "python_build": _python_build(),
        "system": f"{platform.system()} {platform.release()}",
    }


def _python_build() -> str:
    """How this interpreter was optimized when it was built, as far as it says: Debian's is, and does not say so."""
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS"))
    found = [name for option, name in _BUILD_OPTIONS.items() if option in arguments]
    return " and ".join(found) or "not stated"


def _cores() -> int | None:
    """The cores that this process may use; on other systems than Linux all of them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count()


def _processor() -> str:
    """The name of the processor on Linux; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
