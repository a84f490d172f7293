-- Fire due timers and carry out orders; idempotent, each member is checked and removed here.
-- First write ZREM: drains under OOM.
-- @include stop
-- @arg page int steps looked at by one stop order
-- @rows members member execution
-- @reply array [words, orders, ended: MessagePack of [id, letter, plan]]; one word per member: done · early · gone
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits step.skipped step.cancelled workflow.completed workflow.failed
local missing = load_plans() or load_executions()
if missing then return redis.error_reply(missing) end

local function wake(execution, step)
  local queue, attempt, deliveries, releases = string.match(
    read(execution, 's' .. step) or '', '^t%d+,([^,]+),(%d+),(%d+),(%d+),%a$')
  if not queue then return end
  if not may_run(execution, step) then return cancel_step(execution, step, '') end
  reissue(execution, step, queue, tonumber(attempt), tonumber(deliveries), tonumber(releases))
end

local function settle_on(execution, step)
  local from, mode, not_taken = string.match(read(execution, 'f' .. step) or '', '^(%d+) (%a) (.*)$')
  if not from then return end
  write(execution, 'f' .. step, '')
  spread(execution, step, tonumber(from), mode, not_taken)
  execution.active = execution.active - 1
end

local function undelivered(key, token)
  return #call('XPENDING', key, GROUP, token, token, 1) == 0
end

local function stop_step(execution, step, record)
  local token, queue = string.match(record, '^q(%S+),(%S+)$')
  if token and undelivered(ready_of[queue], token) then
    call('XDEL', ready_of[queue], token)
    cancel_step(execution, step, '')
  elseif byte(record) == 116 then -- t: a timer
    call('ZREM', timers, 'w:' .. execution.id .. ':' .. step)
    cancel_step(execution, step, '')
  end
end

local function stop_page(execution, from)
  if execution.phase ~= 'f' then return end
  local last, fields = math.min(from + page - 1, execution.plan.steps), {}
  for step = from, last do fields[#fields + 1] = 's' .. step end
  local records = #fields > 0 and call('HMGET', execution.key, unpack(fields)) or {}
  for i = 1, #fields do
    local step = from + i - 1
    local record = execution.written[fields[i]] and read(execution, fields[i]) or records[i]
    if record and not may_run(execution, step) then stop_step(execution, step, record) end
  end
  if last < execution.plan.steps then order('k:' .. execution.id .. ':' .. last + 1) end
end

local act = { w = wake, f = settle_on, k = stop_page }
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
      act[sub(member, 1, 1)](execution, tonumber(string.match(member, '%d+$')))
    end
    answers[#answers + 1] = execution and 'done' or 'gone'
  end
end
flush_executions()
flush_journal('', 0)
return { answers, orders, mp_array(ended) }
