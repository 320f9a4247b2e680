-- Count messages as taken now, so that the visibility timeout of a worker that still has them begins anew.
--
-- KEYS[1]  sorted set of the tags of unacknowledged messages, by the time at which each was taken (`unacked_index`)
--
-- ARGV[1]  a JSON object: the tag of each message, and the seconds from now until the visibility timeout of the time
--          at which this worker took it. One that was taken later than that is another worker's, or was taken again.
--
-- Returns the tags that were not renewed: acknowledged, given back, or taken again since.
-- The first write (ZREM, of no member) needs no memory: see reserve.lua.

local index = KEYS[1]
local clock = redis.call('TIME')
local now = string.format('%d.%06d', clock[1], clock[2])
local left = {}

redis.call('ZREM', index, '')
for tag, seconds in pairs(cjson.decode(ARGV[1])) do
  local taken = redis.call('ZSCORE', index, tag)
  if taken and tonumber(taken) < tonumber(now) + seconds then
    redis.call('ZADD', index, 'XX', now, tag)
  else
    left[#left + 1] = tag
  end
end
return left
