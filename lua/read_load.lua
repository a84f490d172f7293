-- How much work a partition holds: what waits in each queue and since when, timers that are late, what lives.
-- @include clock
-- @key timers zset due milliseconds of wake-ups, deadlines and orders
-- @key live zset unfinished executions by creation
-- @keys ready stream one entry = one ready or running step; group `workers`
-- @reply array of numbers: now, unfinished executions, timers due, when the first of them was due or 0; then of each stream its entries, how many of them are claimed, and when the oldest that is not became ready or 0

-- What the group has claimed, and up to where it has read; nothing while there is none.
local function group_of(key)
  local groups = redis.pcall('XINFO', 'GROUPS', key)
  for _, about in ipairs(groups.err and {} or groups) do
    local fields = {}
    for i = 1, #about, 2 do fields[about[i]] = about[i + 1] end
    if fields.name == 'workers' then return fields.pending, fields['last-delivered-id'] end
  end
  return 0, '0-0'
end

local function oldest_behind(key, id)
  local entry = call('XRANGE', key, '(' .. id, '+', 'COUNT', 1)[1]
  return entry and tonumber(string.match(entry[1], '^%d+')) or 0
end

local first = call('ZRANGE', timers, 0, 0, 'WITHSCORES')
local due = first[2] and tonumber(first[2]) or math.huge
local late = due <= now
-- The sentinel of each zset is no member of anybody's.
local answer = {
  now, math.max(0, call('ZCARD', live) - 1), late and call('ZCOUNT', timers, '-inf', now) or 0, late and due or 0,
}
for i = 1, #ready do
  local length, claimed, oldest = call('XLEN', ready[i]), 0, 0
  if length > 0 then
    local last
    claimed, last = group_of(ready[i])
    oldest = oldest_behind(ready[i], last)
  end
  local at = #answer
  answer[at + 1], answer[at + 2], answer[at + 3] = length, claimed, oldest
end
return answer
