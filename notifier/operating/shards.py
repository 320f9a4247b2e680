"""The shards of a stream as a tree. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def generations(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the shards by table, each after its parent, with the number of its ancestors among them."""
    known = {(row["table_name"], row["shard_id"]) for row in rows}
    children: dict[tuple[str, str | None], list[Mapping[str, Any]]] = {}
    for row in rows:
        parent = row["parent_shard_id"] if (row["table_name"], row["parent_shard_id"]) in known else None
        children.setdefault((row["table_name"], parent), []).append(row)
    waiting = [(0, row) for table in sorted({row["table_name"] for row in rows}, reverse=True)
               for row in reversed(children.get((table, None), []))]  # fmt: skip
    while waiting:
        depth, row = waiting.pop()
        yield depth, row
        below = children.pop((row["table_name"], row["shard_id"]), [])
        waiting += [(depth + 1, child) for child in reversed(below)]
