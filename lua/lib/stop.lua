-- Failing and stopping: the first cause wins, nothing but finalizers starts, ready steps end here.
-- @include frontier saga

-- A live step that will not run on: `begun` is meta and token of what it had begun, nil when nothing was.
local function cancel_step(execution, step, begun)
  record_settled(execution, step, 'X' .. now .. (begun and ',' .. begun or ''))
  if begun then remember_undo(execution, step, 'u') end
  emit(execution, 13, step, NIL)
  spread(execution, step, 1, 'x', '')
  execution.active = execution.active - 1
end

local function begin_failing(execution)
  execution.phase = 'f'
  clear_flags(execution, 'pw')
end

-- Record a final failure; without a failure edge it fails the execution. `how`: u uncertain, f by itself,
-- nil not begun.
local function fail_step(execution, step, meta, token, body, how)
  record_settled(execution, step, 'F' .. meta .. ',' .. token .. '\n' .. body)
  if how then remember_undo(execution, step, how) end
  emit(execution, 7, step, mp_str(meta))
  if not edges_of(execution.plan, step).handled and execution.phase == 'r' then
    begin_failing(execution)
    write(execution, 'error', body)
    write(execution, 'failed_step', step)
  end
  spread(execution, step, 1, 'f', '')
  execution.active = execution.active - 1
end

-- Cancel (c) or fail (f) an execution from outside: ok, dup (it stops for that already), late.
local function stop_from_outside(execution, kind, body)
  if execution.phase == kind then return 'dup' end
  if execution.phase ~= 'r' and execution.phase ~= 's' then return 'late' end
  if execution.phase == 's' then
    call('ZREM', timers, 'f:' .. execution.id .. ':0')
    write(execution, 'f0', '')
    execution.active = execution.active - 1
  end
  begin_failing(execution)
  write(execution, kind == 'c' and 'cancelled' or 'error', body)
  if kind == 'c' then
    execution.phase = 'c'
    set_flag(execution, 'c')
    if execution.plan.abandons then set_flag(execution, 'a') end
  end
  emit(execution, kind == 'c' and 20 or 21, nil, NIL)
  return 'ok'
end
