"""Whether the broker's user may do what is needed. Nothing is changed: the commands are queued and discarded.

Redis checks the rights to a command, its keys and its channels when a command is queued in a transaction, before it
looks at the memory, the role and the disk.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from celery_units.redis.version import check_answer
from notifier.broker.configuration import queue_name
from notifier.errors import NotifierError

Rights = Mapping[str, Sequence[str]]
"""Commands with arguments that are complete."""

_QUEUE = queue_name("email")
_TAG = "00000000-0000-0000-0000-000000000000"
_RATE = "notifier:rate:email"

PUBLISHING: Rights = MappingProxyType(
    {
        "EVALSHA": ("0" * 40, "1", _QUEUE),
        "SCRIPT": ("EXISTS", "0" * 40),
        "LLEN": (_QUEUE,),
        "LPUSH": (_QUEUE, ""),
        "LRANGE": (_QUEUE, "0", "0"),
        "HSCAN": ("unacked", "0"),
        "GET": ("notifier:generation",),
        "SET": ("notifier:generation", ""),
    }
)
"""What a bridge needs."""

WORKING: Rights = MappingProxyType(
    {
        **PUBLISHING,
        "EVAL": ("return 1", "3", _QUEUE, "unacked", "unacked_index"),
        "BLMOVE": (f"{_QUEUE}\x06\x16calls", f"{_QUEUE}\x06\x16calls", "LEFT", "LEFT", "1"),
        "BRPOP": (_QUEUE, "1"),
        "RPOP": (_QUEUE,),
        "RPUSH": (_QUEUE, ""),
        "HGET": ("unacked", _TAG),
        "HEXISTS": ("unacked", _TAG),
        "HSET": ("unacked", _TAG, ""),
        "HDEL": ("unacked", _TAG),
        "ZADD": ("unacked_index", "0", _TAG),
        "ZREM": ("unacked_index", _TAG),
        "ZRANGE": ("unacked_index", "0", "0"),
        "ZSCORE": ("unacked_index", _TAG),
        "ZCARD": (f"{_RATE}:workers",),
        "ZREMRANGEBYSCORE": (f"{_RATE}:workers", "0", "0"),
        "EXPIRE": (_RATE, "1"),
        "PEXPIRE": (f"{_QUEUE}\x06\x16calls", "1"),
        "SADD": (f"_kombu.binding.{_QUEUE}", ""),
        "SMEMBERS": (f"_kombu.binding.{_QUEUE}",),
        "TIME": (),
        "PUBLISH": ("/0.celeryev/worker.heartbeat", ""),
        "SUBSCRIBE": ("/0.celery.pidbox",),
        "PSUBSCRIBE": ("/0.celeryev/*",),
    }
)
"""What a worker needs: its transport, the rates, and Celery's events and remote control."""


class BrokerUnfit(NotifierError):
    """The broker can never do what is needed of it."""

    exit_code = 2


def check_rights(client: Any, rights: Rights) -> None:
    """Raises BrokerUnfit with the commands that this user may not run, UnfitRedis for a cluster. One round trip.

    Raises RedisError and OSError where Redis does not answer; what it refuses for another reason is let pass.
    """
    pool = client.connection_pool
    connection = pool.get_connection()
    try:
        answers = _queued(connection, rights)
    except BaseException:
        connection.disconnect()
        raise
    finally:
        pool.release(connection)
    for error in answers.values():
        check_answer(error)
    refused = [name for name, error in answers.items() if _is_missing(error)]
    if refused:
        raise BrokerUnfit(
            f"the broker's user may not run {', '.join(refused)} on the keys and channels that are needed: it needs "
            "every command, and all keys and channels of its database (ACL SETUSER name ~* &* +@all)"
        )


def _queued(connection: Any, rights: Rights) -> dict[str, ResponseError]:
    """The commands that were refused, with the errors. Where no transaction begins no other is sent: it would run."""
    if error := _refusal(connection, [("MULTI",)]).get("MULTI"):
        return {"MULTI": error}
    commands = [(name, *arguments) for name, arguments in rights.items()]
    errors = _refusal(connection, [*commands, ("DISCARD",)])
    if errors.pop("DISCARD", None):
        connection.disconnect()
    return errors


def _refusal(connection: Any, commands: Sequence[tuple[str, ...]]) -> dict[str, ResponseError]:
    connection.send_packed_command(connection.pack_commands(commands))
    errors: dict[str, ResponseError] = {}
    for name, *_ in commands:
        try:
            connection.read_response()
        except ResponseError as error:
            errors[name] = error
    return errors


def _is_missing(error: ResponseError) -> bool:
    return isinstance(error, NoPermissionError) or "unknown command" in str(error).lower()
