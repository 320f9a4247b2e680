-- Part of reserve.lua: the groups of lists share what is taken, as ARGV[7] says. The lists of the first group stand first.

local shares = cjson.decode(ARGV[7])

-- How many more messages the list may give; the rooms are those of `shares`.
local function room_of(list)
  local room = want
  for level = 1, shares.of[list] do room = math.min(room, shares.levels[level][2]) end
  return math.max(room, 0)
end

local function take_within_rooms(list, number)
  local before = want
  if not refused then refused = take(list, math.min(number, room_of(list))) end
  for level = 1, shares.of[list] do
    shares.levels[level][2] = shares.levels[level][2] - (before - want)
  end
  return before - want
end

-- Each list has its part, by weight, of what is left to it and to those after it. What it does not need goes to these.
-- The messages that cannot be divided go to the group whose turn it is.
do
  local filled, weights, parts = {}, 0, 0
  for list = 1, lists do
    local length = redis.pcall('LLEN', KEYS[3 + list])
    if type(length) == 'table' or length > 0 then
      filled[#filled + 1] = list
      weights = weights + shares.levels[shares.of[list]][1]
    end
  end
  if #filled == 0 then take(1, want) end  -- a write, which a replica refuses
  local left = want
  for _, list in ipairs(filled) do
    local weight = shares.levels[shares.of[list]][1]
    left = math.min(left, room_of(list))
    local share = left * weight / weights
    local whole = math.floor(share + 0.000001)
    local got = take_within_rooms(list, whole)
    if got == whole then
      parts = parts + share - whole
      left = left - share
    else
      left = left - got
    end
    weights = weights - weight
  end
  for _, list in ipairs(filled) do
    if shares.of[list] == shares.turn then take_within_rooms(list, math.floor(parts + 0.5)) end
  end
  for _, list in ipairs(filled) do take_within_rooms(list, want) end
end
