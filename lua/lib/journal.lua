-- What this call tells others: events, ended executions, and orders for work that did not fit.
-- @include partition
-- @arg events_cap int entries kept in `events` at the most; the sweep trims by records
-- @arg done_cap int entries kept in `done`
local records, ended_lines, ended, orders = {}, {}, {}, {}

local function emit(execution, kind, step, extra)
  execution.seq = execution.seq + 1
  records[#records + 1] = '\149' .. char(kind) .. execution.packed_id .. mp_uint(execution.seq)
    .. (step and mp_uint(step) or NIL) .. extra
end

local function order(member)
  call('ZADD', timers, now, member)
  orders[#orders + 1] = member
end

local function flush_journal(notes, notes_count)
  local count = #records + notes_count
  if count > 0 then
    local total = call('HINCRBY', sweeper, 'records', count)
    call('XADD', events, 'MAXLEN', '~', events_cap, '*', 'n', total,
      'e', mp_array_head(count) .. concat(records) .. notes)
  end
  if #ended_lines > 0 then
    call('XADD', done, 'MAXLEN', '~', done_cap, '*', 'e', concat(ended_lines, '\n'))
  end
end
