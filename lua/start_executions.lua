-- Start executions of published workflows; the same id, workflow and input answers the first one.
-- Idempotent by execution id. First write ZADD: refused under OOM with nothing left behind.
-- @include begin workflow
-- @keys deliveries zset none, or the executions that webhook deliveries started, by ms
-- @arg claim int of webhook deliveries: milliseconds for which one is not taken twice, whatever became of its execution
-- @rows starts workflow plan pinned version digest input meta headers due timeout
-- @reply array [statuses, orders]; one status per start: ok · dup · delivered · conflict <workflow> <digest> · full (near maxmemory) · moved <plan> · inactive · unknown
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits workflow.started workflow.scheduled step.skipped
local missing = load_plans()
if missing then return redis.error_reply(missing) end

-- `start` = `<created> <workflow> <version> <digest>`
local function existing(key, name, digest)
  local start = loaded[key] and read(loaded[key], 'start') or call('HGET', key, 'start')
  if not start then return nil end
  local first_name, first_digest = string.match(start, '^%d+ (%S+) %S+ (%S+)$')
  if first_name == name and first_digest == digest then return 'dup' end
  return 'conflict ' .. first_name .. ' ' .. first_digest
end

local function given(text)
  return text ~= '' and text or nil
end

-- Its execution may have been purged since, so the index of executions does not tell.
local function delivered(id)
  local taken = claim > 0 and call('ZSCORE', deliveries[1], id)
  return taken and tonumber(taken) > now - claim and 'delivered'
end

-- Up to ten that are too old leave with each that comes: what stays are the deliveries of a day.
local function take_delivery(id)
  call('ZADD', deliveries[1], now, id)
  local oldest = call('ZRANGE', deliveries[1], 0, 9, 'WITHSCORES')
  for at = 1, #oldest, 2 do
    if tonumber(oldest[at + 1]) <= now - claim then call('ZREM', deliveries[1], oldest[at]) end
  end
end

local full = not takes_in()

local function start(key, row)
  local workflow, plan = workflow_at(tonumber(row[1])), plan_of[name_in(plans[tonumber(row[2])], 'plan')]
  local pinned, digest = row[3] == '1', row[5]
  local id = name_in(key, 'execution')
  local refused = delivered(id) or existing(key, workflow.name, digest) or (full and 'full') or refusal(workflow, plan, pinned)
  if refused then return refused end
  if claim > 0 then take_delivery(id) end
  begin_execution(key, plan, workflow, {
    version = pinned and row[4] or workflow.version, digest = digest, input = row[6], meta = given(row[7]),
    headers = given(row[8]), due = due_at(row[9]), timeout = tonumber(row[10]),
  })
  return 'ok'
end

local answers, i = {}, 0
for at = starts.first, starts.last, starts.width do
  i = i + 1
  answers[i] = start(executions[i], { unpack(words, at, at + 9) })
end
flush_executions()
flush_journal('', 0)
return { answers, orders }
