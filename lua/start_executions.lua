-- Start executions of published workflows; the same id, workflow and input answers the first one.
-- Idempotent by execution id. First write ZADD: refused under OOM with nothing left behind.
-- @include frontier workflow
-- @rows starts workflow plan pinned version digest input meta headers
-- @reply array [statuses, orders]; one status per start: ok · dup · conflict <workflow> <digest> · moved <plan> · inactive · unknown
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits workflow.started step.skipped
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

local function begin(key, plan, named, row)
  local input, meta, headers = unpack(row, 6, 8)
  local execution = new_execution(key, name_in(key, 'execution'), plan, headers ~= '' and headers or nil)
  loaded[key], execution.touched = execution, true
  write(execution, 'start', now .. ' ' .. named .. ' ' .. row[5])
  if byte(input) == 64 then
    write(execution, 'big:input', sub(input, 2))
    input = '@'
  end
  write(execution, 'input', input)
  if meta ~= '' then write(execution, 'meta', meta) end
  if execution.headers then write(execution, 'headers', execution.headers) end
  call('ZADD', live, now, execution.id)
  emit(execution, 1, nil, mp_str(named))
  spread(execution, 0, 1, 'c', '', input ~= '@' and sub(input, 2) or nil)
end

local function start(key, row)
  local workflow, plan = workflow_at(tonumber(row[1])), plan_of[name_in(plans[tonumber(row[2])], 'plan')]
  local pinned, version, digest = row[3] == '1', row[4], row[5]
  local first = existing(key, workflow.name, digest)
  if first then return first end
  if not workflow.plan then return 'unknown' end
  if workflow.status ~= 'ACTIVE' then return 'inactive' end
  if not pinned then
    if workflow.plan ~= plan.hash then return 'moved ' .. workflow.plan end
    version = workflow.version
  end
  begin(key, plan, workflow.name .. ' ' .. version, row)
  return 'ok'
end

local answers, i = {}, 0
for at = starts.first, starts.last, starts.width do
  i = i + 1
  answers[i] = start(executions[i], { unpack(words, at, at + 7) })
end
flush_executions()
flush_journal('', 0)
return { answers, orders }
