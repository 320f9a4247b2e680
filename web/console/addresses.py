"""Addresses within the console."""


def local_path(address: str) -> str:
    """Return the address if it is a path of the console, else its first page: nothing may lead to another site."""
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_ours and "\\" not in address else "/"
