-- Re-issue steps whose lease ran out; idempotent by token, idleness is checked again here.
-- First write XDEL: drains under OOM.
-- @include stop ending
-- @arg lease int milliseconds a pending step may be silent
-- @arg deliveries_limit int lost leases of one attempt before the step fails as worker_lost
-- @arg lost_error bin recorded error of a step that fails as worker_lost
-- @rows leases token queue execution
-- @reply array [words, orders, ended: MessagePack of [id, letter, plan, ms it took]]; words per lease: moved · lost (failed as worker_lost) · cancelled · gone · held (the outage guard) · busy (renewed or settled meanwhile)
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits step.reclaimed step.failed step.cancelled workflow.failed workflow.cancelled compensation.triggered
local missing = load_plans() or load_executions()
if missing then return redis.error_reply(missing) end
local guarded = now < (tonumber(call('HGET', sweeper, 'hold') or '0') or 0)

local function reclaim(key, token, execution)
  local pending = call('XPENDING', key, GROUP, token, token, 1)
  if #pending == 0 or pending[1][3] < lease then return 'busy' end
  local entry = call('XRANGE', key, token, token)
  call('XDEL', key, token)
  call('XACK', key, GROUP, token)
  if not execution or #entry == 0 then return 'gone' end
  execution.touched = true
  local text, queue = entry[1][2][2], name_in(key, 'ready')
  local step, attempt = envelope_step(text), byte(text, 3) * 256 + byte(text, 4)
  local deliveries = byte(text, DELIVERIES_AT) + 1
  local meta = attempt .. ',' .. deliveries .. ',' .. byte(text, DELIVERIES_AT + 1) .. ',' .. queue .. ',0,0'
  if not may_run(execution, step) then
    cancel_step(execution, step, meta .. ',' .. token)
    return 'cancelled'
  end
  if deliveries > deliveries_limit then
    fail_step(execution, step, meta, token, lost_error, 'u')
    return 'lost'
  end
  if is_paused(execution) then
    hold(execution, step, queue, attempt, deliveries, byte(text, DELIVERIES_AT + 1))
  else
    issue(execution, step, queue, sub(text, 1, DELIVERIES_AT - 1) .. char(deliveries) .. sub(text, DELIVERIES_AT + 1))
  end
  emit(execution, 15, step, mp_str(meta))
  return 'moved'
end

local answers = {}
for at = leases.first, leases.last, leases.width do
  local token, key, at_execution = unpack(words, at, at + 2)
  answers[#answers + 1] = guarded and 'held'
    or reclaim(ready[tonumber(key)], token, load_execution(executions[tonumber(at_execution)]))
end
flush_executions()
flush_journal('', 0)
return { answers, orders, mp_array(ended) }
