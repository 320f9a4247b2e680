"""Messages of a foreign program: each has one field that is not what Celery and kombu write."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

Json = dict[str, Any]
Change = Callable[[Json], object]

OTHERS: list[Any] = [5, 1.5, True, None, "x", "", "\ud83d", ["x"], [["x"]], {}, {"x": 1}, {"x": 1, "y": 2}]
"""Values of each kind, which take the place of each field."""
MORE: dict[str, list[Any]] = {
    "timelimit": [[1], [1, 2, 3], ["x", "y"], [[], {}]],
    "eta": ["0001-01-01T00:00:00+14:00", 1e300],
    "expires": ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 1e300],
    "losses": [float("inf")],
    "delivery_tag": [12345678901234567890, 10**400, float("nan"), float("inf")],
    "body": ["%", "[" * 100_000 + "]" * 100_000],
    "content-type": ["application/x-python-serialize"],
    "content-encoding": ["utf-16", "binary"],
}
"""Other values of some fields."""
TOP = "headers", "properties", "body", "content-type", "content-encoding", "redelivered"
PROPERTIES = "delivery_tag", "delivery_info", "body_encoding", "priority", "correlation_id", "reply_to"
INFO = "exchange", "routing_key", "redelivered", "consumer_tag"
HEADERS = (
    *("id", "task", "root_id", "parent_id", "group", "group_index", "retries", "timelimit", "eta", "expires", "lang"),
    *("argsrepr", "kwargsrepr", "ignore_result", "stamps", "stamped_headers", "delivery_info", "shadow", "origin"),
    *("compression", "losses", "redelivered", "args", "kwargs", "properties", "hostname", "reply_to"),
)
BODIES: list[Any] = [
    *OTHERS,
    *([], [1], [1, 2, 3], [[], {}], [None, None, None], [["x"], {}, {}, {}], [["x"], {"k": 1}, {}], [[], {}, {}]),
    *([args, {}, {}] for args in (5, "x", {})),
    *([["x"], kwargs, {}] for kwargs in (5, "x", [])),
    *([["x"], {}, embed] for embed in (5, "x", ["x"])),
    *([["x"], {}, {name: each}] for name in ("callbacks", "errbacks", "chain", "chord") for each in (5, "x", ["x"])),
    *({"task": task} for task in (5, ["x"], "unknown")),
    *({"args": args, "kwargs": kwargs} for args, kwargs in (([], 5), (["x"], []))),
]
NO_MESSAGES = [*(json.dumps(each).encode() for each in (5, "x", [], None)), b"\xff", b"[" * 100_000]


def kinds() -> Iterator[tuple[str, Change]]:
    """What to change in a message, with its name."""
    for prefix, fields, at in (
        ("", TOP, lambda message: message),
        ("headers ", HEADERS, lambda message: message["headers"]),
        ("properties ", PROPERTIES, lambda message: message["properties"]),
        ("delivery_info ", INFO, lambda message: message["properties"]["delivery_info"]),
    ):
        for name in fields:
            yield f"no {prefix}{name}", lambda message, at=at, name=name: at(message).pop(name, None)
            for value in (*OTHERS, *MORE.get(name, ())):
                yield (
                    f"{prefix}{name} {value!r:.60}",
                    lambda message, at=at, name=name, value=value: at(message).update({name: value}),
                )
    for body in BODIES:
        text = json.dumps(body)
        yield f"body {text}", lambda message, text=text: message.update(body=text)
        yield f"first protocol {text}", lambda message, text=text: message.update(body=text, headers={})
    yield (
        "no base64",
        lambda message: (message.update(body="%"), message["properties"].update(body_encoding="base64")),
    )
    for depth in (300, 900):
        nested = "[" * depth + "]" * depth
        yield f"{depth} lists", lambda message, nested=nested: message.update(body=f"[[{nested}], {{}}, {{}}]")


def changed(message: bytes, change: Change) -> bytes:
    """A copy with an id and a tag of its own, which is malformed by `change`."""
    copy = json.loads(message)
    copy["headers"]["id"] = copy["properties"]["correlation_id"] = str(uuid4())
    copy["properties"]["delivery_tag"] = str(uuid4())
    change(copy)
    return json.dumps(copy).encode()
