-- The end of a call: executions with nothing live end or compensate, stopping ones are marked, all are written.
-- @include saga
local FINISHED = {
  completed = { key = completed, kind = 2, letter = 'C' },
  failed = { key = failed, kind = 3, letter = 'F' },
  cancelled = { key = cancelled, kind = 4, letter = 'X' },
}

local function leave_stopping(execution)
  if has_flag(execution, 's') then
    call('ZREM', stopping, execution.id)
    clear_flags(execution, 's')
  end
end

local function finish(execution)
  local index = FINISHED[execution.phase == 'r' and 'completed' or has_flag(execution, 'c') and 'cancelled' or 'failed']
  execution.phase = 'd'
  write(execution, 'ended', now .. ' ' .. index.letter)
  local created = tonumber(call('ZSCORE', live, execution.id) or now)
  call('ZREM', live, execution.id)
  if execution.flags ~= '' then
    leave_stopping(execution)
    if has_flag(execution, 'x') then call('ZREM', timers, 'x:' .. execution.id) end
    clear_flags(execution, 'pwx')
  end
  call('ZADD', index.key, now, execution.id)
  emit(execution, index.kind, nil, NIL)
  ended_lines[#ended_lines + 1] = execution.id .. ' ' .. index.letter
  ended[#ended + 1] = '\148' .. execution.packed_id .. mp_str(index.letter) .. execution.plan.packed_hash
    .. mp_uint(math.max(0, now - created))
  if has_flag(execution, 'k') then
    order('p:' .. string.gsub(read(execution, 'parent'), ' ', ':'))
  end
end

-- Whoever runs a step of it shall hear of it now, not with the next heartbeat: a hint, leases are the truth.
local function begin_stopping(execution)
  set_flag(execution, 's')
  call('ZADD', stopping, now, execution.id)
  order('k:' .. execution.id .. ':1')
  call('PUBLISH', control, 'stop ' .. execution.id)
end

local function close_execution(execution)
  if execution.phase == 'd' then return end
  if execution.active > 0 then
    if is_stopping(execution) and not has_flag(execution, 's') then begin_stopping(execution) end
  elseif execution.phase ~= 'r' and compensate_next(execution) then
    leave_stopping(execution)
    execution.phase = 'u'
  else
    finish(execution)
  end
end

local function flush_execution(execution)
  close_execution(execution)
  local state = execution.phase .. ' ' .. execution.active .. ' ' .. execution.seq .. ' ' .. execution.plan.hash
  write(execution, 'state', execution.flags == '' and state or state .. ' ' .. execution.flags)
  local writes = execution.writes
  for first = 1, #writes, 4000 do
    call('HSET', execution.key, unpack(writes, first, math.min(first + 3999, #writes)))
  end
end

-- In the order they were declared: what several executions push goes into the same streams.
local function flush_executions()
  for i = 1, #executions do
    local execution = loaded[executions[i]]
    if execution and execution.touched then
      flush_execution(execution)
      execution.touched = false
    end
  end
end
