-- Fire due timers and carry out orders; idempotent, each member is checked and removed here.
-- First write ZREM: drains under OOM.
-- @include page begin
-- @arg timeout_error bin recorded error of what its deadline ends
-- @rows members member execution
-- @reply array [words, orders, ended: MessagePack of [id, letter, plan, ms it took]]; one word per member: done · early · gone
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits step.failed step.skipped step.cancelled workflow.started workflow.completed workflow.failed workflow.cancelled workflow.failing workflow.cancelling
local missing = load_plans() or load_executions()
if missing then return redis.error_reply(missing) end

local function resume_or_end(execution, step, live, resume)
  if not may_run(execution, step) then return cancel_live(execution, step, live) end
  detach(execution, step, live)
  if resume then write(execution, 'r' .. step, resume) end
  reissue_live(execution, step, live)
end

local function wake(execution, step)
  local live = live_step(execution, step, read(execution, 's' .. step))
  if not live then return end
  if live.kind == 't' then
    resume_or_end(execution, step, live, live.tail == 's' and mp_array({ mp_str('timer') }) or nil)
  elseif live.kind == 'w' then
    resume_or_end(execution, step, live, mp_array({ mp_str('timeout') }))
  end
end

local function settle_on(execution, step)
  local from, mode, not_taken = string.match(read(execution, 'f' .. step) or '', '^(%d+) (%a) (.*)$')
  if not from then return end
  write(execution, 'f' .. step, '')
  if execution.phase == 's' then
    emit(execution, 1, nil, mp_str(string.match(read(execution, 'start'), '^%d+ (%S+ %S+)')))
    run_execution(execution, tonumber(read(execution, 'timeout') or '0'))
  else
    spread(execution, step, tonumber(from), mode, not_taken)
  end
  execution.active = execution.active - 1
end

local function end_late_step(execution, step)
  local live = live_step(execution, step, read(execution, 's' .. step))
  if not live then return end
  if not may_run(execution, step) then
    if live.kind ~= 'k' then cancel_live(execution, step, live) end
    return
  end
  local how = began(execution, step, live) and 'u' or nil
  detach(execution, step, live)
  fail_step(execution, step, meta_of(live), live.token, timeout_error, how)
end

local function end_late_execution(execution)
  clear_flags(execution, 'x')
  stop_from_outside(execution, 'f', timeout_error)
end

-- A child, or else what the next tick of its schedule has replaced.
local function cancel_by_order(execution)
  local why = read(execution, 'parent') and 'its parent stopped waiting for it' or 'its schedule has started the next one'
  stop_from_outside(execution, 'c', '\129' .. mp_str('reason') .. mp_str(why))
end

local function child_ended(execution, step)
  local live = live_step(execution, step, read(execution, 's' .. step))
  if not live or live.kind ~= 'k' then return end
  if not may_run(execution, step) then
    return cancel_step(execution, step, meta_of(live) .. ',' .. live.token)
  end
  write(execution, 'r' .. step, mp_array({ mp_str('child'), mp_str(live.head) }))
  reissue_live(execution, step, live)
end

local act = {
  w = wake, f = settle_on, k = walk_page, d = end_late_step, x = end_late_execution, c = cancel_by_order, p = child_ended,
}
local answers = {}
for at = members.first, members.last, members.width do
  local member, execution = words[at], load_execution(executions[tonumber(words[at + 1])])
  local due = call('ZSCORE', timers, member)
  if not due or tonumber(due) > now then
    answers[#answers + 1] = 'early'
  else
    call('ZREM', timers, member)
    if execution then
      execution.touched = true
      act[sub(member, 1, 1)](execution, tonumber(string.match(member, ':(%d+)$')))
    end
    answers[#answers + 1] = execution and 'done' or 'gone'
  end
end
flush_executions()
flush_journal('', 0)
return { answers, orders, mp_array(ended) }
