-- Move unacknowledged messages back into the lists of their queues.
--
-- KEYS[1]  hash of unacknowledged messages: tag -> entry (kombu's `unacked`)
-- KEYS[2]  sorted set of their tags, by the time at which each was taken (kombu's `unacked_index`)
-- KEYS[3 ..]  the lists that the messages go to
--
-- ARGV[1]  the latest time at which a message may have been taken, in seconds; empty: any time
-- ARGV[2]  RPUSH: the messages are the next to be taken; LPUSH: the last
-- ARGV[3 ..]  three for each message: its tag, the number of its list (1 is KEYS[3]; 0: none), the message.
--             A message that goes to several lists comes several times; one that cannot be read goes to list 0.
--
-- Returns an empty array, or the error of a list that took nothing and then the tags of the messages it did not take.
-- Those stay kept as if taken now, so that the next look for overdue messages does not begin with them again.
-- The first write (ZREM) needs no memory: see reserve.lua.

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
