"""Whether a text can leave this process."""


def encodes(text: str) -> bool:
    """Not with half a surrogate pair in it, as which Python reads what is no UTF-8 in variables and arguments."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
