"""The URL of the broker in the two dialects that read it. They differ for a socket in the file system only."""


def kombu_url(url: str) -> str:
    """`unix:///run/redis.sock?db=1` is `redis+socket:///run/redis.sock?virtual_host=1` to kombu."""
    return _translated(url, ("unix", "db"), ("redis+socket", "virtual_host"))


def redis_url(url: str) -> str:
    """The reverse, for redis-py."""
    return _translated(url, ("redis+socket", "virtual_host"), ("unix", "db"))


def _translated(url: str, old: tuple[str, str], new: tuple[str, str]) -> str:
    scheme, _, rest = url.partition("://")
    if scheme != old[0]:
        return url
    address, mark, query = rest.partition("?")
    return f"{new[0]}://{address}{mark}{query.replace(f'{old[1]}=', f'{new[1]}=')}"
