"""Putting kept messages back into their queues: one script for hundreds."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kombu.log import get_logger
from kombu.utils.json import dumps, loads

log = get_logger(__name__)

# KEYS: the unacknowledged messages, their index, then the lists that they go to.
# ARGV: the latest time at which a message may have been taken, empty for any; the command; then for each message its
# tag, the number of its list and itself. A message that goes to several lists comes several times; what cannot be
# read goes to none. What a list does not take stays kept, as if it had been taken now: the script answers with the
# error and the tags of these. The first write needs no memory, see reserve.py.
_SCRIPT = """
local unacked, index = KEYS[1], KEYS[2]
local latest, push = tonumber(ARGV[1]), ARGV[2]
local ours, stays = {}, {}
local refused = {}

local function claim(tag)
  local taken = redis.call('ZSCORE', index, tag)
  if latest and taken and tonumber(taken) > latest then return false end
  redis.call('ZREM', index, tag)
  return redis.call('HEXISTS', unacked, tag) == 1
end

for first = 3, #ARGV, 3 do
  local tag, list = ARGV[first], tonumber(ARGV[first + 1])
  if ours[tag] == nil then ours[tag] = claim(tag) end
  if ours[tag] and list > 0 then
    local done = redis.pcall(push, KEYS[2 + list], ARGV[first + 2])
    if type(done) == 'table' then
      refused[1], stays[tag] = done, true
    end
  end
end

local clock = redis.call('TIME')
for tag, is_ours in pairs(ours) do
  if stays[tag] then
    redis.call('ZADD', index, string.format('%d.%06d', clock[1], clock[2]), tag)
    refused[#refused + 1] = tag
  elseif is_ours then
    redis.call('HDEL', unacked, tag)
  end
end
return refused
"""

Binding = Callable[[dict[str, Any], str, str], Sequence[str]]
"""The lists for a message that came over this exchange with this routing key."""


def command(
    unacked: Sequence[str],
    entries: Mapping[str, bytes | None],
    route: Binding,
    *,
    latest: float | None,
    last: bool,
    lost: bool = False,
) -> list[Any]:
    """The command for Redis. `entries` are kept messages by tag; `last`: behind those that wait. `lost`: whoever had
    them did not give them back, and may have died of one of them.
    """
    keys: dict[str, int] = {}
    arguments: list[Any] = []
    for tag, entry in entries.items():
        lists, message = _again(tag, entry, route, lost=lost)
        for key in lists or [""]:
            number = keys.setdefault(key, len(keys) + 1) if key else 0
            arguments += [tag, number, message]
    push = "LPUSH" if last else "RPUSH"
    return ["EVAL", _SCRIPT, 2 + len(keys), *unacked, *keys, "" if latest is None else repr(latest), push, *arguments]


def _again(tag: str, entry: bytes | None, route: Binding, *, lost: bool) -> tuple[Sequence[str], str]:
    """A kept message as it is delivered again, and where to. Its header `losses` counts how often it was lost."""
    if entry is None:
        return [], ""
    try:
        message, exchange, routing_key = loads(entry)
        with suppress(KeyError):
            message["headers"]["redelivered"] = True
            message["headers"]["losses"] = int(message["headers"].get("losses") or 0) + lost
            message["properties"]["delivery_info"]["redelivered"] = True
        return route(message, exchange, routing_key), dumps(message)
    except (ValueError, LookupError, TypeError):
        log.critical("a message that cannot be read is dropped: %s", tag)
        return [], ""
