-- Lower the rate of a channel for all workers, once a second at most, because the provider throttled a request.
--
-- The factor of the rate is multiplied by `slower`; it grows back by `recovery` a second. Nothing is granted for the
-- next second. All times are seconds on the clock of rate_clock.lua.
--
-- KEYS[1]  notifier:rate:CHANNEL  hash: used and at (see take_tokens.lua), factor, slowed (when it was written), paused
-- ARGV[1]  slower    what the factor is multiplied by, below 1
-- ARGV[2]  recovery  by how much the factor grows a second
-- ARGV[3]  least     the smallest factor
--
-- Returns 1, or 0 if the rate was lowered less than a second ago.
local since = now - kept('slowed', 0)
if since < 1 then return 0 end
local factor = math.min(1, kept('factor', 1) + since * tonumber(ARGV[2]))
local used = math.max(now, kept('used', 0))
redis.call('HSET', KEYS[1], 'factor', tostring(math.max(tonumber(ARGV[3]), factor * tonumber(ARGV[1]))),
           'slowed', tostring(now), 'used', tostring(used + 1), 'paused', tostring(now + 1), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], 3600)
return 1
