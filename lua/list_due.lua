-- What a sweep has to do in some partitions, and the sweep lease on each: the only call of an idle sweep.
-- First write a no-op ZREM: works under OOM. A partition another worker sweeps is passed over.
-- @include clock splice trim
-- @keys sweepers hash sweep lease and outage guard, one of each partition; the lists below are in the same order
-- @keys events stream trimmed here by records
-- @keys timers zset due work
-- @keys schedules zset due ticks
-- @keys ready stream `queues` streams of each partition
-- @arg worker str worker id
-- @arg queues int ready streams of each partition
-- @arg sweep_lease int milliseconds until another worker may sweep
-- @arg sweep_gap int milliseconds without any sweep after which no lease is taken over for one lease
-- @arg lease int milliseconds a pending step may be silent
-- @arg limit int timers, schedules and tokens listed of each partition and queue
-- @arg watermark int thousandths of maxmemory from which no execution is taken in; 0 for never
-- @reply msgpack [now, next due or 0, [[partition, [member], [[token, queue, envelope as bytes or nil]], [schedule]]]]
-- @error NOGROUP a ready stream has lost its group: put_partition makes it again
local next_due = 0

-- The clock went back: the lease of a worker that died would last for as far as it went.
local function begin_leases_anew(first)
  for queue = 1, queues do
    local key, from, page = ready[first + queue], '-', nil
    repeat
      page = call('XPENDING', key, 'workers', from, '+', limit)
      for _, pending in ipairs(page) do
        call('XCLAIM', key, 'workers', pending[2], 0, pending[1], 'JUSTID')
        from = '(' .. pending[1]
      end
    until #page < limit
  end
end

local function hold_sweep(key, first)
  local holder, free_at, tick = unpack(call('HMGET', key, 'holder', 'until', 'tick'))
  local went_back = tick and now < tonumber(tick)
  if went_back then begin_leases_anew(first) end
  if holder and holder ~= worker and not went_back and now < tonumber(free_at) then return false end
  if not tick or went_back or now - tonumber(tick) > sweep_gap then call('HSET', key, 'hold', now + lease) end
  call('HSET', key, 'holder', worker, 'until', now + sweep_lease, 'tick', now)
  return true
end

-- What counts against maxmemory is in use without the buffers of replicas. A user who may not ask knows nothing.
local function is_full()
  local info = watermark > 0 and redis.pcall('INFO', 'memory')
  if type(info) ~= 'string' then return false end
  local limit = tonumber(string.match(info, 'maxmemory:(%d+)') or '0')
  local used = tonumber(string.match(info, 'used_memory:(%d+)') or '0')
  return limit > 0 and used - tonumber(string.match(info, 'mem_not_counted_for_evict:(%d+)') or '0') >= limit * watermark / 1000
end

-- Valid until sweeps have been missing for as long as leases may not be taken over: nobody knows any more then.
local function note_memory(key, full)
  if full then
    call('HSET', key, 'full', now + sweep_gap)
  else
    call('HDEL', key, 'full')
  end
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
      local text = entry[1] and mp_bin(entry[1][2][2]) or NIL -- bytes: one that is damaged spoils no other
      found[#found + 1] = '\147' .. mp_str(pending[1]) .. mp_uint(queue) .. text
    end
  end
  return found
end

local due, full = {}, is_full()
for i = 1, #sweepers do
  call('ZREM', timers[i], '')
  if hold_sweep(sweepers[i], (i - 1) * queues) then
    note_memory(sweepers[i], full)
    trim_events(events[i], tonumber(call('HGET', sweepers[i], 'records') or '0'))
    local members, tokens, ticking = due_members(timers[i]), silent_tokens((i - 1) * queues), due_members(schedules[i])
    if #members + #tokens + #ticking > 0 then
      due[#due + 1] = '\148' .. mp_uint(i) .. mp_array(members) .. mp_array(tokens) .. mp_array(ticking)
    end
  end
end
return '\147' .. mp_uint(now) .. mp_uint(next_due) .. mp_array(due)
