-- Publish messages to a queue unless it would become too long.
-- KEYS[1]: the queue, a list.
-- ARGV[1]: the most messages that the queue may hold; an empty queue takes any number.
-- ARGV[2...]: the messages, the first of them to be delivered first.
-- Returns 1, or 0 if nothing was pushed.
-- Length and push are one step, so that bridges that publish at once do not exceed the limit together.
local depth = redis.call('LLEN', KEYS[1])
if depth > 0 and depth + #ARGV - 1 > tonumber(ARGV[1]) then return 0 end
-- unpack takes a few thousand values at most: they must fit on Lua's stack.
for first = 2, #ARGV, 1000 do
  redis.call('LPUSH', KEYS[1], unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
return 1
