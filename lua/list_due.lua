-- What a sweep has to do in some partitions, and the sweep lease on each: the only call of an idle sweep.
-- First write a no-op ZREM: works under OOM. A partition another worker sweeps is passed over.
-- @include clock splice
-- @keys sweepers hash sweep lease and outage guard, one of each partition; the lists below are in the same order
-- @keys events stream trimmed here by records
-- @keys timers zset due work
-- @keys ready stream `queues` streams of each partition
-- @arg worker str worker id
-- @arg queues int ready streams of each partition
-- @arg sweep_lease int milliseconds until another worker may sweep
-- @arg sweep_gap int milliseconds without any sweep after which no lease is taken over for one lease
-- @arg lease int milliseconds a pending step may be silent
-- @arg limit int timers and tokens listed of each partition and queue
-- @arg records_cap int event records kept in each partition
-- @reply msgpack [now, next due or 0, [[partition, [member], [[token, queue, envelope]]]]]
-- @error NOGROUP a ready stream has lost its group: put_partition makes it again
local TRIM_PAGE = 100
local next_due = 0

local function hold_sweep(key)
  local holder, free_at, tick = unpack(call('HMGET', key, 'holder', 'until', 'tick'))
  if holder and holder ~= worker and now < tonumber(free_at) then return false end
  if not tick or now - tonumber(tick) > sweep_gap then call('HSET', key, 'hold', now + lease) end
  call('HSET', key, 'holder', worker, 'until', now + sweep_lease, 'tick', now)
  return true
end

local function trim_events(key, total)
  local oldest = call('XRANGE', key, '-', '+', 'COUNT', TRIM_PAGE)
  local keep
  for _, entry in ipairs(oldest) do
    if total - tonumber(entry[2][2]) < records_cap then break end
    keep = entry[1]
  end
  if keep then call('XTRIM', key, 'MINID', keep) end
end

local function due_members(key)
  local found = {}
  local next_ones = call('ZRANGE', key, 0, limit - 1, 'WITHSCORES')
  for i = 1, #next_ones, 2 do
    local due = tonumber(next_ones[i + 1])
    if due > now then
      if due < math.huge and (next_due == 0 or due < next_due) then next_due = due end
      break
    end
    found[#found + 1] = mp_str(next_ones[i])
  end
  return found
end

local function silent_tokens(first)
  local found = {}
  for queue = 1, queues do
    local key = ready[first + queue]
    for _, pending in ipairs(call('XPENDING', key, 'workers', 'IDLE', lease, '-', '+', limit)) do
      local entry = call('XRANGE', key, pending[1], pending[1])
      local text = entry[1] and entry[1][2][2] or NIL
      found[#found + 1] = '\147' .. mp_str(pending[1]) .. mp_uint(queue) .. text
    end
  end
  return found
end

local due = {}
for i = 1, #sweepers do
  call('ZREM', timers[i], '')
  if hold_sweep(sweepers[i]) then
    trim_events(events[i], tonumber(call('HGET', sweepers[i], 'records') or '0'))
    local members, tokens = due_members(timers[i]), silent_tokens((i - 1) * queues)
    if #members + #tokens > 0 then
      due[#due + 1] = '\147' .. mp_uint(i) .. mp_array(members) .. mp_array(tokens)
    end
  end
end
return '\147' .. mp_uint(now) .. mp_uint(next_due) .. mp_array(due)
