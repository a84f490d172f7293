-- Record outcomes, release what they make ready, end executions, and claim new steps: one call, all or nothing.
-- Idempotent by token: an outcome sent again answers dup. First write XDEL: drains under OOM.
-- @include fence outcome/completed outcome/failed outcome/retry outcome/released outcome/waiting ending
-- @arg notes bin started records, concatenated MessagePack
-- @arg notes_count int
-- @reply msgpack [codes, claims [token, queue, drop, envelope], orders, ended [id, letter, plan, ms it took], now]; codes: 1 ok, 0 stale, 2 dup, 3 gone, 4 cancelled instead, 5 recorded while stopping
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits workflow.completed workflow.failed workflow.cancelled step.started step.completed step.failed step.retrying step.skipped step.cancelled step.released step.waiting step.waiting_signal signal.received compensation.triggered
local missing = load_plans() or load_executions()
if missing then return redis.error_reply(missing) end
local settle = {
  c = settle_completed, f = settle_failed, r = settle_retry, l = settle_released, n = settle_unrun,
  t = settle_sleeping, s = settle_signal,
}
local valid, codes = consume_outcomes(), {}

-- What was not done ends with its execution; `n` says that nothing of it was.
local function cancel_outcome(execution, step, token, kind, meta)
  local attempt, deliveries = string.match(meta, '^(%d+),(%d+)')
  local begun = kind ~= 'n' or has_begun(execution, step, tonumber(attempt), tonumber(deliveries))
  cancel_step(execution, step, begun and meta .. ',' .. token or nil)
  return 4
end

-- What was done is recorded even while the execution stops.
local function record(at)
  local token, queue, key, step, kind, meta, value, detail = unpack(words, at, at + 7)
  local execution = load_execution(executions[tonumber(key)])
  if not valid[at] and not holds(execution, step, token, ready[tonumber(queue)]) then
    return replayed(execution, token, step)
  end
  if not execution then return 3 end
  execution.touched = true
  step = tonumber(step)
  if kind ~= 'c' and kind ~= 'f' and not may_run(execution, step) then
    return cancel_outcome(execution, step, token, kind, meta)
  end
  settle[kind](execution, step, token, meta, value, detail)
  return is_stopping(execution) and 5 or 1
end

for at = outcomes.first, outcomes.last, outcomes.width do codes[#codes + 1] = char(record(at)) end
flush_executions()
flush_journal(notes, notes_count)
return '\149' .. mp_array(codes) .. mp_array(claim_steps()) .. mp_array(packed(orders)) .. mp_array(ended) .. mp_uint(now)
