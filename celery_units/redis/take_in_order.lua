-- Part of reserve.lua: take from the lists, those of the most urgent priority first; those of one share where `fair`.

for first = 1, lists, width do
  local last = first + width - 1
  for list = first, last do
    refused = refused or take(list, fair and math.ceil(want / (last - list + 1)) or want)
  end
  for list = first, last do refused = refused or take(list, want) end
end
