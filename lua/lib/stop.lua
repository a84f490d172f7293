-- Failing and stopping: the first cause wins, nothing but finalizers starts, ready steps end here.
-- @include frontier

-- A live step that will not run on: `how` is what stays of its attempt, '' when it had none.
local function cancel_step(execution, step, how)
  write(execution, 's' .. step, 'X' .. now .. how)
  emit(execution, 13, step, NIL)
  spread(execution, step, 1, 'x', '')
  execution.active = execution.active - 1
end

local function may_run(execution, step)
  return execution.phase == 'r' or (execution.phase == 'f' and is_finalizer(execution.plan, step))
end

-- Record a final failure; without a failure edge it fails the execution.
local function fail_step(execution, step, meta, token, body)
  write(execution, 's' .. step, 'F' .. meta .. ',' .. token .. '\n' .. body)
  emit(execution, 7, step, mp_str(meta))
  if not edges_of(execution.plan, step).handled and execution.phase == 'r' then
    execution.phase = 'f'
    write(execution, 'error', body)
    write(execution, 'failed_step', step)
  end
  spread(execution, step, 1, 'f', '')
  execution.active = execution.active - 1
end
