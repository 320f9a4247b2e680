-- The clock of a channel's rate, `now`: that of Redis, but it does not go back. When a failover or a correction sets the
-- clock of Redis back, the rate goes on from the time at which it was used last: otherwise nothing would be granted for
-- as long as the step, as the times that are kept would be in the future.
--
-- It stands in front of each script that keeps times in KEYS[1], and defines `kept` for it: they are all of this clock.
--
-- KEYS[1]  notifier:rate:CHANNEL  hash: at, the time when a script wrote last, which each has to write; ahead, the
--                                 seconds that this clock is ahead of that of Redis
local function kept(name, default) return tonumber(redis.call('HGET', KEYS[1], name) or default) end

local clock, ahead_of_redis = redis.call('TIME'), kept('ahead', 0)
local now = clock[1] + clock[2] / 1000000 + ahead_of_redis
local step = kept('at', 0) - now
if step > 0.001 then  -- more than what `at` was rounded by
  redis.call('HSET', KEYS[1], 'ahead', tostring(ahead_of_redis + step))
  now = now + step
end
