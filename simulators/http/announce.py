"""How a simulator says where it listens."""

from pathlib import Path


def announce(address: str, port_file: Path | None) -> None:
    """Print the address; write it to the file too, where there is one."""
    if port_file is not None:
        # Renamed into place, so that whoever waits for the file never reads half of it.
        written = port_file.with_name(port_file.name + ".new")
        written.write_text(address + "\n")
        written.replace(port_file)
    print(address, flush=True)
