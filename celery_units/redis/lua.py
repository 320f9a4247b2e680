"""The Lua scripts of this package, which are files beside its modules."""

from importlib.resources import files


def script(name: str) -> str:
    """The text of the file `name` without its comment lines, because EVAL sends the text with each command."""
    lines = (files(__package__) / name).read_text().splitlines()
    return "\n".join(line for line in lines if line and not line.startswith("--"))
