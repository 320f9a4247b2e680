"""The ways in which a running Redis refuses commands: how each begins and how it ends."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from sandbox.embedded.allocation import free_port
from tests.waiting import wait_until

_ADMIN = "admin"


@dataclass(frozen=True)
class Kind:
    """`begin` and `end` are called with a client whose commands Redis does not refuse."""

    begin: Callable[[redis.Redis], object]
    end: Callable[[redis.Redis], object]


def admin(url: str) -> redis.Redis:
    """Return a client with a user of its own, which keeps its rights when the default user loses them."""
    with redis.Redis.from_url(url) as client:
        client.execute_command("ACL", "SETUSER", _ADMIN, "on", "nopass", "~*", "&*", "+@all")
    parts = redis.connection.parse_url(url)
    return redis.Redis(host=parts["host"], port=parts["port"], username=_ADMIN, password="any")


def _read_only(client: redis.Redis) -> None:
    client.execute_command("REPLICAOF", "127.0.0.1", free_port())


def _writable(client: redis.Redis) -> None:
    client.execute_command("REPLICAOF", "NO", "ONE")


def _master_down(client: redis.Redis) -> None:
    client.config_set("replica-serve-stale-data", "no")
    _read_only(client)


def _master_up(client: redis.Redis) -> None:
    _writable(client)
    client.config_set("replica-serve-stale-data", "yes")


def _cannot_save(client: redis.Redis) -> None:
    """Make snapshots fail: their file name is that of a folder."""
    folder = Path(client.config_get("dir")["dir"])
    (folder / "taken" / "by a folder").mkdir(parents=True, exist_ok=True)
    client.config_set("dbfilename", "taken")
    client.config_set("save", "3600 1")
    client.config_set("stop-writes-on-bgsave-error", "yes")
    with suppress(redis.ResponseError):  # one is in progress
        client.bgsave()
    wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")


def _can_save(client: redis.Redis) -> None:
    client.config_set("stop-writes-on-bgsave-error", "no")
    client.config_set("save", "")
    client.config_set("dbfilename", "dump.rdb")


def _wrong_type(client: redis.Redis) -> None:
    with client.pipeline() as pipe:
        pipe.delete("unacked").set("unacked", "of another application").execute()


def _busy(client: redis.Redis) -> None:
    client.config_set("lua-time-limit", 50)
    known = client.get_connection_kwargs()
    names = ("host", "port", "username", "password")
    spinner = redis.Redis(**{name: known[name] for name in names}, socket_timeout=None)

    def spin() -> None:
        with suppress(redis.RedisError):
            spinner.eval("while true do end", 0)

    threading.Thread(target=spin, daemon=True).start()


KINDS: Mapping[str, Kind] = {
    "read-only": Kind(_read_only, _writable),
    "full": Kind(lambda client: client.config_set("maxmemory", 1), lambda client: client.config_set("maxmemory", 0)),
    "misconfigured": Kind(_cannot_save, _can_save),
    "without rights": Kind(
        lambda client: client.execute_command("ACL", "SETUSER", "default", "-@all"),
        lambda client: client.execute_command("ACL", "SETUSER", "default", "+@all"),
    ),
    "wrong type": Kind(_wrong_type, lambda client: client.delete("unacked")),
    "primary down": Kind(_master_down, _master_up),
    "busy": Kind(_busy, lambda client: client.script_kill()),
}
MUST = ("read-only", "full", "misconfigured", "without rights")
