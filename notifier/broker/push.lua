-- Publish messages to a queue unless it would become too long.
-- KEYS[1]: the queue, a list.
-- ARGV[1]: the most messages that the queue may hold; an empty queue takes any number.
-- ARGV[2]: the ids of the messages, 36 characters each, the first of them to be delivered first.
-- ARGV[3]: how often each has failed before, separated by spaces; empty if none has.
-- ARGV[4]: the beginning of their tags. The tag of a message ends with its place among these, from 0.
-- ARGV[5...12]: what all messages have in common: the texts before, between and after what differs.
-- Returns 1, or 0 if nothing was pushed.
-- Length and push are one step, so that bridges that publish at once do not exceed the limit together.
local ids = ARGV[2]
local count = #ids / 36
local depth = redis.call('LLEN', KEYS[1])
if depth > 0 and depth + count > tonumber(ARGV[1]) then return 0 end
local failures = string.gmatch(ARGV[3], '%d+')
local batch = ARGV[4]
local a, b, c, d, e, f, g, h = unpack(ARGV, 5, 12)
local messages = {}
for place = 0, count - 1 do
  local id = string.sub(ids, place * 36 + 1, place * 36 + 36)
  local failed = failures() or '0'
  messages[#messages + 1] =
    a .. id .. b .. id .. c .. failed .. d .. id .. e .. id .. f .. id .. g .. batch .. place .. h
  -- unpack takes a few thousand values at most: they must fit on Lua's stack.
  if #messages == 1000 or place == count - 1 then
    redis.call('LPUSH', KEYS[1], unpack(messages))
    messages = {}
  end
end
return 1
