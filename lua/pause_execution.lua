-- Pause executions, or let them go on: no step of a paused one starts, what runs may finish.
-- Idempotent. First write ZADD or HSET: refused under OOM with nothing left behind.
-- @include ending
-- @arg on int 1 pause · 0 go on
-- @arg letter str p by itself · w by its workflow
-- @arg note bin who paused it, when and why; opaque
-- @reply array [words, orders]; one word per execution: ok · dup · late · gone
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits workflow.paused workflow.resumed
local missing = load_plans() or load_executions()
if missing then return redis.error_reply(missing) end

local function pause(execution)
  if execution.phase ~= 'r' and execution.phase ~= 's' then return 'late' end
  if has_flag(execution, letter) == (on == 1) then return 'dup' end
  local before = is_paused(execution)
  if on == 1 then set_flag(execution, letter) else clear_flags(execution, letter) end
  execution.touched = true
  if letter == 'p' then write(execution, 'paused', on == 1 and note or '') end
  if is_paused(execution) ~= before then
    emit(execution, on == 1 and 17 or 18, nil, NIL)
    if execution.phase == 'r' then order('k:' .. execution.id .. ':1') end
  end
  return 'ok'
end

local answers = {}
for i = 1, #executions do
  local execution = load_execution(executions[i])
  answers[i] = execution and pause(execution) or 'gone'
end
flush_executions()
flush_journal('', 0)
return { answers, orders }
