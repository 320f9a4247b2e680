-- Use up tokens of a channel's rate at once, also those of seconds to come: the next request for tokens waits until these
-- are replaced. They are for the further recipients of a mail, for which take_tokens.lua or take_lane_tokens.lua has
-- granted one token.
-- All times are seconds on the clock of rate_clock.lua.
--
-- KEYS[1]  notifier:rate:CHANNEL  as in take_tokens.lua; lane:LANE as in take_lane_tokens.lua
-- ARGV[1]  limit     what the provider allows, recipients a second
-- ARGV[2]  tokens
-- ARGV[3]  recovery  share of the limit by which the rate grows again a second, after a slow-down
-- ARGV[4]  share     of the rate that the lane has, above 0
-- ARGV[5]  lane      none without lanes
--
-- Returns until when the rate is used up, as text, because Redis would cut off its fraction.
local rate = tonumber(ARGV[1]) * math.min(1, kept('factor', 1) + (now - kept('slowed', now)) * tonumber(ARGV[3]))
local used = math.max(now, kept('used', 0)) + ARGV[2] / rate
redis.call('HSET', KEYS[1], 'used', tostring(used), 'at', tostring(now))
if ARGV[5] then
  local field = 'lane:' .. ARGV[5]
  redis.call('HSET', KEYS[1], field, tostring(math.max(now, kept(field, 0)) + ARGV[2] / (rate * ARGV[4])))
end
redis.call('EXPIRE', KEYS[1], 3600)
return tostring(used)
