"""Arrays of ids as parameters in Postgres' binary form, which neither side needs to write or read as text."""

import struct
from collections.abc import Iterable
from uuid import UUID

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper

_TYPES = psycopg.postgres.types
_NONE = struct.pack(">iiI", 0, 0, _TYPES["uuid"].oid)
_HEADER = struct.Struct(">iiIii")
"""Dimensions, whether there are NULLs, the type of the elements, their number, the index of the first."""
_LENGTH = struct.pack(">i", 16)
"""Before each id."""


class UuidArray(bytes):
    """A uuid[] as Postgres receives it. Not bytes for psycopg, which would send them as a bytea."""

    __slots__ = ()


class _UuidArrayDumper(Dumper):
    format = psycopg.pq.Format.BINARY
    oid = _TYPES["uuid"].array_oid

    def dump(self, obj: UuidArray) -> Buffer:
        return obj


psycopg.adapters.register_dumper(UuidArray, _UuidArrayDumper)


def uuids(ids: Iterable[UUID]) -> UuidArray:
    """The ids as the parameter of a statement: cheaper to make than the text of an array, or one object each."""
    each = [id_.int.to_bytes(16, "big") for id_ in ids]
    if not each:
        return UuidArray(_NONE)
    return UuidArray(b"".join((_HEADER.pack(1, 0, _TYPES["uuid"].oid, len(each), 1), _LENGTH, _LENGTH.join(each))))
