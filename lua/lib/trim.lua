-- Cutting the events of a partition to the newest records, wherever among its entries that is.
-- @include clock
-- @arg records_cap int event records kept in each partition
local SAME_MS = 1000 -- entries of one millisecond that are looked at

-- The first entry from an id on, if as many records as are kept are newer than it.
local function superfluous(key, from, total)
  local entry = call('XRANGE', key, from, '+', 'COUNT', 1)[1]
  return entry and total - tonumber(entry[2][2]) >= records_cap and entry[1]
end

local function ms_of(id)
  return tonumber(string.match(id, '^%d+'))
end

-- The last superfluous entry within the millisecond of one.
local function last_of_ms(key, id, total)
  local found = id
  for _, entry in ipairs(call('XRANGE', key, id, decimal(ms_of(id)), 'COUNT', SAME_MS)) do
    if total - tonumber(entry[2][2]) < records_cap then break end
    found = entry[1]
  end
  return found
end

-- Entries hold any number of records, so where to cut is searched for, by the milliseconds of ids: some forty
-- reads at the most, however long nobody has swept. What it finds is the last entry that is superfluous.
local function trim_events(key, total)
  local keep = superfluous(key, '-', total)
  if not keep then return end
  local low, high = ms_of(keep), ms_of(call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1][1])
  while low < high do
    local middle = math.ceil((low + high) / 2)
    local found = superfluous(key, decimal(middle), total)
    if found then
      low, keep = middle, found
    else
      high = middle - 1
    end
  end
  call('XTRIM', key, 'MINID', last_of_ms(key, keep, total))
end
