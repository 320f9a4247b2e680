"""Whether the broker's user may run the commands that bridges and workers need.

Nothing is changed: the commands are queued in a transaction, which is discarded. Redis checks the rights to a
command, its keys and its channels when it is queued, before memory, role and disk.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from celery_units.redis.version import check_answer
from notifier.broker.configuration import queue_name
from notifier.errors import NotifierError

Rights = Mapping[str, Sequence[str]]
"""Arguments by the name of the command, as many as it needs to be queued."""

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
"""The commands of a bridge."""

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
"""The commands of a worker: of its transport, of the rates, and of Celery's events and remote control."""


class BrokerUnfit(NotifierError):
    """The broker can never do what is needed of it."""

    exit_code = 2


def check_rights(client: Any, rights: Rights) -> None:
    """Raise BrokerUnfit if the user may not run one of these commands, UnfitRedis for a cluster. One round trip.

    Raise RedisError or OSError if Redis does not answer. Commands that it refuses for another reason pass.
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
    """Return the errors of the commands that were refused.

    If the transaction does not begin, the other commands are not sent: they would run.
    """
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
