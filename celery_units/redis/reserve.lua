-- Acknowledge messages, then take messages from the lists of queues and keep them as unacknowledged: all in one step.
--
-- KEYS[1]  hash of unacknowledged messages: tag -> entry (kombu's `unacked`)
-- KEYS[2]  sorted set of their tags, by the time at which each was taken (kombu's `unacked_index`)
-- KEYS[3]  string that receives the request's name and the time, for give_back_unanswered
-- KEYS[4 .. 3+n]     the n lists to take from, those of the most urgent priority first
-- KEYS[4+n .. 3+2n]  the wake-up list of each
--
-- ARGV[1]  the most messages to take
-- ARGV[2]  the request's name; empty: nothing is written to KEYS[3]
-- ARGV[3]  lists per priority
-- ARGV[4]  1: the lists of a priority share what is taken; 0: the first is emptied first
-- ARGV[5]  another worker is woken if more messages than this are taken from a list, or if the list may have more
-- ARGV[6]  the tags to acknowledge, a JSON array: as arguments of their own they take ten times as long to send
-- ARGV[7]  how the lists share, a JSON object; empty: as the two arguments before say.
--            levels  [weight, room] of each group of lists, the most urgent first: how many more messages this group and
--                    those after it may take together
--            of      for each list, the number of its group
--            turn    the group that has the messages which cannot be divided
-- ARGV[8 .. 7+n]  for each list, what follows the message in its entry; empty: its messages are not kept
--
-- Returns one array for each take from a list: the list's number, then the messages, oldest first. Where some lists
-- could not be read, or messages not be kept, the error stands behind them. Returns only the error where no list
-- could be read, where nothing was taken because it could not be kept, or where this is a replica: a primary that was
-- demoted keeps its connections open and answers what only reads, so that a worker would stay with it.
--
-- The time is that of Redis, because the clocks of the workers may differ.
-- The first write is never one that a full Redis refuses (RPOP, HDEL and ZREM need no memory), and Redis allows every
-- write after it. So a full Redis can still be drained.
-- Messages that cannot be kept go back to their places. An error of one list does not end the script, because what
-- the other lists gave is kept already: without the answer no worker would have it.

local unacked, index, note = KEYS[1], KEYS[2], KEYS[3]
local want, name, width, fair = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local spare, acks = tonumber(ARGV[5]), cjson.decode(ARGV[6])
local clock = redis.call('TIME')
local now = string.format('%d.%06d', clock[1], clock[2])
local lists = (#KEYS - 3) / 2
local taken = {}
local unreadable
local failed, failures = {}, 0

for first = 1, #acks, 1000 do
  local last = math.min(first + 999, #acks)
  redis.call('HDEL', unacked, unpack(acks, first, last))
  redis.call('ZREM', index, unpack(acks, first, last))
end

local function tag_of(message)
  local _, stop = string.find(message, '"delivery_tag"', 1, true)
  if stop and not string.find(message, '"delivery_tag"', stop, true) then
    local tag = string.match(message, '^ *: *"([^"\\]+)"', stop + 1)
    if tag then return tag end
  end
  local readable, decoded = pcall(cjson.decode, message)
  local properties = readable and type(decoded) == 'table' and decoded.properties
  local tag = type(properties) == 'table' and properties.delivery_tag
  if type(tag) == 'number' then return string.format('%.17g', tag) end
  return type(tag) == 'string' and tag
end

local function keep(messages, ending)
  local scores, entries, tags = {}, {}, {}
  for _, message in ipairs(messages) do
    local tag = tag_of(message)
    if tag then
      local n = #scores
      scores[n + 1], scores[n + 2] = now, tag
      tags[#tags + 1] = tag
      entries[n + 1], entries[n + 2] = tag, '[' .. message .. ending
    end
  end
  if #tags == 0 then return end
  local done = redis.pcall('HSET', unacked, unpack(entries))
  if type(done) == 'table' then return done end
  done = redis.pcall('ZADD', index, unpack(scores))
  if type(done) == 'table' then
    redis.call('HDEL', unacked, unpack(tags))
    return done
  end
end

local function take(list, number)
  local messages = number > 0 and redis.pcall('RPOP', KEYS[3 + list], number)
  if not messages then return end
  if messages.err then
    unreadable = messages
    if not failed[list] then failed[list], failures = true, failures + 1 end
    return
  end
  local ending, wakeups = ARGV[7 + list], KEYS[3 + lists + list]
  local refused = ending ~= '' and keep(messages, ending)
  if refused then
    for n = #messages, 1, -1 do redis.call('RPUSH', KEYS[3 + list], messages[n]) end
    return refused
  end
  if #messages > spare or #messages == number then
    if redis.pcall('LLEN', wakeups) == 0 then redis.pcall('LPUSH', wakeups, '') end
    redis.pcall('PEXPIRE', wakeups, 2000)
  end
  want, spare = want - #messages, spare - #messages
  table.insert(messages, 1, list)
  taken[#taken + 1] = messages
end

local refused

-- The text of take_by_shares.lua if ARGV[7] says how, else that of take_in_order.lua. EVAL sends only what is needed.
{take}

local is_replica = unreadable and string.find(unreadable.err, 'READONLY', 1, true)
if #taken == 0 and (refused or is_replica or unreadable and failures == lists) then return refused or unreadable end
refused = refused or unreadable
if name ~= '' and #taken > 0 then redis.pcall('SET', note, name .. ' ' .. now, 'EX', 3600) end
if refused then taken[#taken + 1] = refused end
return taken
