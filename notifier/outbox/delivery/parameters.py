"""The recipients of notifications as parameters of statements, and which of several are suppressed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from notifier.database.arrays import uuids
from notifier.outbox.delivery.attempt import Recipient
from notifier.outbox.delivery.changes import array, text_array, texts_or_nulls
from notifier.outbox.erasure.keyed import ErasureKeys
from notifier.outbox.statements import statement

_BARRED = statement(__package__, "suppressed_recipients.sql")


def recipient_columns(ordered: Sequence[Recipient], channel: str, keys: ErasureKeys) -> dict[str, Any]:
    return {
        "ids": uuids([each.id for each in ordered]),
        "addresses": text_array([each.address for each in ordered]),
        **_hashed(ordered, channel, keys),
        "topics": text_array([each.topic for each in ordered]),
        "templates": texts_or_nulls([each.template or None for each in ordered]),
        "transactional": array(["t" if each.transactional else "f" for each in ordered]),
        "further": _further(ordered),
        "configuration_sets": _configuration_sets(ordered),
        "channel": channel,
    }


def _further(ordered: Sequence[Recipient]) -> list[str | None] | None:
    """Return the further recipients of each as the text of an array. None if there are none: so it costs nothing."""
    if not any(each.further for each in ordered):
        return None
    return [text_array(each.further) if each.further else None for each in ordered]


def _configuration_sets(ordered: Sequence[Recipient]) -> str | None:
    """Return the text of an array, None if no message names a configuration set: so it costs nothing."""
    named = [each.configuration_set for each in ordered]
    return texts_or_nulls(named) if any(named) else None


def _hashed(recipients: Sequence[Recipient], channel: str, keys: ErasureKeys) -> dict[str, Any]:
    """What may be suppressed instead of these addresses: a hash, of people who were erased, and the originals."""
    pairs = [(each.id, each.original) for each in recipients if each.original]
    if not keys and not pairs:
        return {"hashed": [], "hashes": []}
    pairs += [
        (each.id, hashed)
        for each in recipients
        for address in (each.address, each.original)
        if address
        for hashed in keys.hashes(channel, address)
    ]
    return {"hashed": uuids([id_ for id_, _ in pairs]), "hashes": [hashed for _, hashed in pairs]}


def barred_of(
    connection: Connection, channel: str, recipients: Sequence[Recipient], keys: ErasureKeys
) -> set[tuple[UUID, str]]:
    """Return the ids and addresses of those that are suppressed on that channel, also of people who were erased."""
    given = [
        (each, spelled) for each in recipients for spelled in (each.address, *keys.hashes(channel, each.address))
    ]
    values = {
        "ids": uuids([each.id for each, _ in given]),
        "addresses": [each.address for each, _ in given],
        "spelled": [spelled for _, spelled in given],
        "topics": [each.topic for each, _ in given],
        "transactional": [each.transactional for each, _ in given],
        "channel": channel,
    }
    return {(id_, address) for id_, address in connection.execute(_BARRED, values)}
