-- Deliver a signal: the first step in line goes on with it, else it waits in the buffer of its name.
-- Idempotent by signal id. First write HSET: refused under OOM with nothing left behind.
-- @include live ending
-- @arg name str
-- @arg id str signal id
-- @arg payload bin MessagePack
-- @arg signals_cap int signals an execution keeps for steps that do not wait yet
-- @reply str delivered · buffered · dup · late · full · gone
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits signal.received
local missing = load_plans() or load_executions()
if missing then return redis.error_reply(missing) end

local function resume_waiter(execution, step)
  local live = live_step(execution, step, read(execution, 's' .. step))
  emit(execution, 10, step, mp_str(name))
  resume_step(execution, step, signal_resume(payload), live.queue, live.attempt, live.deliveries, live.releases)
  detach(execution, step, live)
end

local function deliver(execution)
  if read(execution, 'i:' .. id) then return 'dup' end
  local step = first_in_line(execution, name)
  if not step and execution.phase ~= 'r' and execution.phase ~= 's' then return 'late' end
  if not step and (tonumber(read(execution, 'signals') or '0') or 0) >= signals_cap then return 'full' end
  call('HSET', execution.key, 'i:' .. id, '1')
  execution.touched = true
  if step then
    resume_waiter(execution, step)
    return 'delivered'
  end
  buffer(execution, name, payload)
  emit(execution, 10, nil, mp_str(name))
  return 'buffered'
end

local execution = load_execution(executions[1])
local word = execution and deliver(execution) or 'gone'
flush_executions()
flush_journal('', 0)
return word
