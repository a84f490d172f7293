-- The beginning of an execution, by whatever starts it.
-- @include frontier ending

-- The execution runs: its timeout counts from here, its roots become ready.
local function run_execution(execution, timeout, input)
  execution.phase = 'r'
  if timeout > 0 then
    call('ZADD', timers, now + timeout, 'x:' .. execution.id)
    set_flag(execution, 'x')
  end
  spread(execution, 0, 1, 'c', '', input)
end

-- Its edges from the hidden root are owed until then.
local function schedule(execution, due)
  execution.phase, execution.active = 's', 1
  write(execution, 'begin', decimal(due))
  write(execution, 'f0', '1 c ')
  call('ZADD', timers, due, 'f:' .. execution.id .. ':0')
end

-- Make its record; `start` = `<created> <workflow> <version> <digest>`.
local function open_execution(key, plan, workflow, start)
  local execution = new_execution(key, name_in(key, 'execution'), plan, start.headers)
  local named = workflow.name .. ' ' .. start.version
  local input = start.input
  loaded[key], execution.touched = execution, true
  write(execution, 'start', now .. ' ' .. named .. ' ' .. start.digest)
  if byte(input) == 64 then
    write(execution, 'big:input', sub(input, 2))
    input = '@'
  end
  write(execution, 'input', input)
  if start.meta then write(execution, 'meta', start.meta) end
  if execution.headers then write(execution, 'headers', execution.headers) end
  if start.timeout > 0 then write(execution, 'timeout', start.timeout) end
  if workflow.paused then set_flag(execution, 'w') end
  call('ZADD', live, now, execution.id)
  emit(execution, start.due > now and 16 or 1, nil, mp_str(named))
  return execution
end

local function begin_execution(key, plan, workflow, start)
  local execution = open_execution(key, plan, workflow, start)
  if start.due > now then
    schedule(execution, start.due)
  else
    run_execution(execution, start.timeout, byte(start.input) ~= 64 and sub(start.input, 2) or nil)
  end
  return execution
end
