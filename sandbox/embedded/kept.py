"""Where a server keeps its data from one run to the next, on which port, and with which password."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Kept:
    """The folder `home` exists, and only this server writes there. `password` is empty if the server has none."""

    home: Path
    port: int
    password: str
