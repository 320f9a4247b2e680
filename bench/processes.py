"""CPU and memory of processes with all their children, from the operating system."""

from collections.abc import Mapping
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu` is user and system seconds so far; `rss` is bytes of memory now."""

    cpu: float
    rss: int

    @classmethod
    def of(cls, pid: int) -> "Usage":
        cpu, rss = 0.0, 0
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            try:
                times, memory = process.cpu_times(), process.memory_info()
            except psutil.NoSuchProcess:
                continue
            cpu += times.user + times.system
            rss += memory.rss
        return cls(cpu, rss)


def usage(pids: Mapping[str, int]) -> dict[str, Usage]:
    return {name: Usage.of(pid) for name, pid in pids.items()}


def cpu_us_per_event(before: Mapping[str, Usage], after: Mapping[str, Usage], events: int) -> dict[str, float]:
    """Microseconds of CPU that each process spent on an event."""
    return {name: round((after[name].cpu - before[name].cpu) / events * 1e6, 1) for name in before}


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    import platform

    return {
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }
