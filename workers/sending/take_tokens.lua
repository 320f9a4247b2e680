-- Take tokens of a channel's rate, one for each recipient, for one of the workers that share it.
--
-- The bucket is one point in time, `used`: the rate is used up until then. N tokens move it N / rate seconds ahead,
-- and may be used when the `used` before them is reached. It never moves more than `window` seconds ahead of now.
-- All times are seconds on the clock of rate_clock.lua.
--
-- KEYS[1]  notifier:rate:CHANNEL          hash: used, at; factor and slowed, which slow_down.lua writes
-- KEYS[2]  notifier:rate:CHANNEL:workers  sorted set: each worker with the time of its last call
-- ARGV[1]  limit       what the provider allows, recipients a second
-- ARGV[2]  wanted      tokens
-- ARGV[3]  window      seconds that may be granted ahead; at least the time of one token
-- ARGV[4]  worker      its name in KEYS[2]
-- ARGV[5]  recovery    share of the limit by which the rate grows again a second, after a slow-down
-- ARGV[6]  remembered  the latest `used` that this worker received: a Redis that lost its data grants no second twice
--
-- Returns { tokens, seconds until they may be used, workers of the last 60 s, used, the rate }; numbers with fractions as
-- text, because Redis would cut them off.
local limit, wanted, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local rate = limit * math.min(1, kept('factor', 1) + (now - kept('slowed', now)) * tonumber(ARGV[5]))
local remembered = math.min(tonumber(ARGV[6]), now + window)
local used = math.max(now, remembered, kept('used', 0))
redis.call('ZADD', KEYS[2], now, ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 60)
redis.call('EXPIRE', KEYS[2], 120)
window = math.max(window, 1 / rate)
local free = math.max(0, math.min(wanted, math.floor((now + window - used) * rate + 0.000001)))
if free >= 1 then
  redis.call('HSET', KEYS[1], 'used', tostring(used + free / rate), 'at', tostring(now))
  redis.call('EXPIRE', KEYS[1], 3600)
end
return {free, tostring(used - now), redis.call('ZCARD', KEYS[2]), tostring(used + free / rate), tostring(rate)}
