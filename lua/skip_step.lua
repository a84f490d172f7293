-- Settle a live step by hand with an output: whatever it waits for or runs it is let go of, its edges settle as completed.
-- Idempotent: a settled step answers so. First write a no-op ZREM: works under OOM.
-- @include live ending
-- @arg step int
-- @arg value bin `=` output beside the record, `@` output in a field of its own
-- @arg not_taken str edges not taken, `,2,5,`
-- @reply array [word, orders, ended: MessagePack of [id, letter, plan, ms it took]]; word: ok · settled · not_ready · late · gone
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits step.skipped workflow.completed workflow.failed
local missing = load_plans() or load_executions()
if missing then return redis.error_reply(missing) end
call('ZREM', timers, '')

local function skip(execution)
  if execution.phase ~= 'r' then return 'late' end
  local record = read(execution, 's' .. step)
  local live = live_step(execution, step, record)
  if not live then return record and 'settled' or 'not_ready' end
  local how = began(execution, step, live)
  detach(execution, step, live)
  local body, inline = value, nil
  if byte(value) == 64 then -- '@'
    write(execution, 'big:s' .. step, sub(value, 2))
    body = '@'
  else
    inline = sub(value, 2)
  end
  local routed = not_taken == '' and '\n' or '|' .. not_taken .. '\n'
  record_settled(execution, step, 'C0,0,0,' .. live.queue .. ',0,0,0-0' .. routed .. body)
  if how then remember_undo(execution, step, 'u') end
  emit(execution, 12, step, mp_str('o'))
  spread(execution, step, 1, 'c', not_taken, inline)
  execution.active = execution.active - 1
  execution.touched = true
  return 'ok'
end

local execution = load_execution(executions[1])
local word = execution and skip(execution) or 'gone'
flush_executions()
flush_journal('', 0)
return { word, orders, mp_array(ended) }
