-- Page through one index of a partition, newest first, read-only; ids of one millisecond keep their order.
-- @key index zset `live` or `finished:*`
-- @arg before str score to start from; `+inf` for the first page
-- @arg after str last id seen at that score; '' for none
-- @arg limit int ids in the page, at most 1,000
-- @reply array id, score, ...

-- Members of one score stand in the order of their bytes; `<` would follow the server's locale.
local function precedes(id, other)
  for i = 1, #other do
    local one, two = string.byte(id, i) or -1, string.byte(other, i)
    if one ~= two then return one < two end
  end
  return false
end

local found = {}
local skipping, offset = after ~= '', 0
local first = before == '+inf' and '(+inf' or before -- the sentinel stands at +inf
while #found < limit * 2 and offset < 2000 do
  local page = redis.call('ZREVRANGEBYSCORE', index, first, '-inf', 'WITHSCORES', 'LIMIT', offset, limit)
  if #page == 0 then break end
  for i = 1, #page, 2 do
    if skipping and (page[i + 1] ~= before or precedes(page[i], after)) then skipping = false end
    if not skipping and #found < limit * 2 then
      found[#found + 1], found[#found + 2] = page[i], page[i + 1]
    end
  end
  offset = offset + limit
end
return found
