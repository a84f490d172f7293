-- Run an ended execution again as a new one: steps that are kept are copied, what hangs on them runs.
-- Idempotent by the new id. First write ZADD: refused under OOM with nothing left behind.
-- @include begin workflow
-- @arg version int of the new execution
-- @arg digest str of its input
-- @arg input bin `=` or `@` and its input; '' copies the old one's
-- @arg compensation int 1 runs nothing but the compensations of `undos`
-- @rows copies step from not_taken
-- @rows undos step
-- @reply array [word, orders, ended: MessagePack of [id, letter, plan, ms it took]]; word: ok · dup · conflict · running · gone · full (near maxmemory) · inactive · unknown
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits workflow.started step.skipped
local missing = load_plans()
if missing then return redis.error_reply(missing) end
local old_key, new_key = executions[1], executions[2]
local old_id = name_in(old_key, 'execution')
local old = call('HMGET', old_key, 'input', 'meta', 'headers', 'ended')
local workflow, plan = workflow_at(1), plan_of[name_in(plans[1], 'plan')]

local function refused()
  local origin, start = unpack(call('HMGET', new_key, 'origin', 'start'))
  if start then
    return origin == old_id and string.match(start, '%S+$') == digest and 'dup' or 'conflict'
  end
  if not old[1] then return 'gone' end
  if not old[4] then return 'running' end
  if not takes_in() then return 'full' end
  return refusal(workflow, plan, true)
end

local function old_input()
  return old[1] == '@' and '@' .. call('HGET', old_key, 'big:input') or old[1]
end

-- Copy a record; answers how its edges settle.
local function copy_step(execution, at)
  local step, from, not_taken = unpack(words, at, at + 2)
  local record = call('HGET', old_key, 's' .. from)
  local large = string.find(record, '^[^\n]*\n@$')
  if byte(record) == 67 then -- C: edges stand elsewhere in another version
    local head, body = string.match(record, '^([^\n|]*)[^\n]*\n(.*)$')
    record = head .. (not_taken == '' and '\n' or '|' .. not_taken .. '\n') .. body
  end
  if large then write(execution, 'big:s' .. step, call('HGET', old_key, 'big:s' .. from)) end
  write(execution, 's' .. step, record)
  return byte(record) == 67 and 'c' or sub(record, 2, 2), not_taken
end

local function copy_steps(execution)
  local modes = {}
  for at = copies.first, copies.last, copies.width do modes[at] = { copy_step(execution, at) } end
  local count = undos.last - undos.first + 1
  for i = 1, count do write(execution, 'o' .. i, words[undos.first + i - 1]) end
  if count > 0 then write(execution, 'undo', count .. ' ' .. count) end
  return modes
end

-- It ends as the old one did, for the same cause.
local function only_compensate(execution)
  execution.phase = 'u'
  clear_flags(execution, 'w')
  if string.find(old[4], 'X') then set_flag(execution, 'c') end
  for _, field in ipairs({ 'error', 'failed_step', 'cancelled' }) do
    local value = call('HGET', old_key, field)
    if value then write(execution, field, value) end
  end
end

local function rerun()
  local execution = open_execution(new_key, plan, workflow, {
    version = version, digest = digest, input = input ~= '' and input or old_input(), meta = old[2] or nil,
    headers = old[3] or nil, due = 0, timeout = 0,
  })
  set_flag(execution, 'y')
  write(execution, 'origin', old_id)
  local modes = copy_steps(execution)
  if compensation == 1 then
    only_compensate(execution)
  else
    run_execution(execution, 0)
    for at = copies.first, copies.last, copies.width do
      spread(execution, tonumber(words[at]), 1, modes[at][1], modes[at][2])
    end
  end
end

local word = refused()
if not word then
  rerun()
  word = 'ok'
end
flush_executions()
if word == 'ok' then call('HSET', old_key, 'rerun_as', name_in(new_key, 'execution')) end
flush_journal('', 0)
return { word, orders, mp_array(ended) }
