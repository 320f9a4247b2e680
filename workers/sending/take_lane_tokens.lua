-- Take tokens of a channel's rate for one of its lanes, one for each recipient.
--
-- As in take_tokens.lua the rate is used up until `used`. Each lane also has a bucket of its own, which fills with its
-- share of the rate: a lane that stays below its share waits for no other. What lanes leave of their shares any lane
-- may take, but only while the rate is not used ahead, and for `ahead` seconds: a lane that needs its share then exceeds
-- the rate by little. A lane's own bucket grants twice as far ahead and no further: what it has granted counts in `used`
-- at once, so others would take the rate of the seconds in which it is sent. It keeps what the lane left of its share for
-- as long, so the messages of one page of a shard, which come together, do not wait for one another. The shares of all
-- lanes are 1 together.
-- All times are seconds on the clock of rate_clock.lua.
--
-- KEYS[1]  notifier:rate:CHANNEL          hash: used, at, factor, slowed, paused (until when slow_down.lua stops all);
--                                         lane:LANE, until when the share of the lane is used up
-- KEYS[2]  notifier:rate:CHANNEL:workers  sorted set: each worker with the time of its last call
-- ARGV[1 .. 6]  as in take_tokens.lua: limit, wanted, window, worker, recovery, remembered
-- ARGV[7]  lane
-- ARGV[8]  share       of the rate that the lane has whatever others want, above 0
-- ARGV[9]  ahead       seconds that may be granted ahead of what no lane uses
-- ARGV[10] remembered  as ARGV[6], but of the lane's own bucket
--
-- Returns { tokens, seconds until they may be used, workers of the last 60 s, used, the rate, until when the share of the
-- lane is used up }; numbers with fractions as text, because Redis would cut them off.
local limit, wanted, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local field, share, ahead = 'lane:' .. ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])

local rate = limit * math.min(1, kept('factor', 1) + (now - kept('slowed', now)) * tonumber(ARGV[5]))
local used = math.max(now - ahead, math.min(tonumber(ARGV[6]), now + window), kept('used', 0))
local own = math.max(now - 2 * ahead, math.min(tonumber(ARGV[10]), now + window), kept(field, 0))
local start = math.max(own, kept('paused', 0))
local until_ = now + math.max(2 * ahead, 1 / (rate * share))
redis.call('ZADD', KEYS[2], now, ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 60)
redis.call('EXPIRE', KEYS[2], 120)

local function fits(from, to, speed)
  return math.max(0, math.min(wanted, math.floor((to - from) * speed + 0.000001)))
end

-- What was left within the last `ahead` seconds may be taken too: so a worker that comes late loses nothing.
local free = used <= now and fits(used, now + math.max(ahead, 1 / rate), rate) or 0
local wait = math.max(0, used - now)
if free < 1 then
  local shared = fits(start, until_, rate * share)
  if shared >= 1 then free, wait = shared, start - now end
end
if free >= 1 then
  used = used + free / rate
  own = math.min(own + free / (rate * share), until_)
  redis.call('HSET', KEYS[1], 'used', tostring(used), field, tostring(own), 'at', tostring(now))
  redis.call('EXPIRE', KEYS[1], 3600)
else
  wait = math.max(0, math.min(used, start) - now)
end
return {free, tostring(wait), redis.call('ZCARD', KEYS[2]), tostring(used), tostring(rate), tostring(own)}
