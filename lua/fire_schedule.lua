-- Start the executions of a schedule's due ticks and move the schedule on, in one script.
-- Idempotent by compare-and-advance: the call again finds the schedule moved on. First write ZADD: refused under OOM with nothing left behind.
-- `ticks` are those of the declared executions; `skips` start nothing, their count is empty when nobody counted.
-- @include begin workflow
-- @key schedules zset due ms of each schedule, `+inf` while it is paused
-- @key schedule_key hash fields in lua/README.md
-- @arg digest str of the rule it was decided by
-- @arg at int tick (s) it was decided from
-- @arg next int tick (s) to move on to; 0: none comes any more
-- @arg due int ms at which that is due
-- @arg overlap str allow · skip · cancel: of the last execution it started, which is then declared behind the others
-- @rows ticks tick input
-- @rows skips reason first last count
-- @reply array [word, orders, [what became of each tick]]; word: ok · gone · paused · passed (moved on already) · early · full (near maxmemory) · moved <plan>; of a tick: ok · dup · overlap · inactive · unknown
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits workflow.started step.skipped schedule.skipped
local missing = load_plans()
if missing then return redis.error_reply(missing) end
local id, count = name_in(schedule_key, 'schedule'), (ticks.last - ticks.first + 1) / ticks.width
local held = call('HMGET', schedule_key, 'digest', 'next', 'paused', 'input_digest', 'meta', 'headers')
local workflow, plan = workflow_at(1), plans[1] and plan_of[name_in(plans[1], 'plan')]
local refused = refusal(workflow, plan or { hash = '' }, false)
local nobody = { seq = 0, packed_id = mp_str('') } -- these events are of no execution
local changes = { 'next', decimal(next), 'due', decimal(due) }

-- Why nothing is done; nil to go on.
local function stale()
  if not held[1] then return 'gone' end
  if held[1] ~= digest or tonumber(held[2]) ~= at then return 'passed' end
  if held[3] then return 'paused' end
  if tonumber(call('ZSCORE', schedules, id) or '0') > now then return 'early' end
  if refused and string.find(refused, '^moved') then return refused end
  if count > 0 and not takes_in() then return 'full' end
end

local function change(field, value)
  changes[#changes + 1], changes[#changes + 2] = field, value
end

local function skip(reason, first, last, counted)
  change('skipped', reason .. ' ' .. first .. ' ' .. last)
  emit(nobody, 22, nil, mp_array({
    mp_str(id), mp_str(reason), mp_uint(tonumber(first)), mp_uint(tonumber(last)),
    counted == '' and NIL or mp_uint(tonumber(counted)),
  }))
end

local function is_unfinished(key)
  local state = call('HGET', key, 'state')
  return state and sub(state, 1, 1) ~= 'd'
end

local function given(text)
  return text ~= '' and text or nil
end

local function start(key, input)
  if call('EXISTS', key) == 1 then return 'dup' end
  if refused then return refused end
  local previous = executions[count + 1]
  if previous and is_unfinished(previous) then
    if overlap == 'skip' then return 'overlap' end
    order('c:' .. name_in(previous, 'execution'))
  end
  begin_execution(key, plan, workflow, {
    version = workflow.version, digest = held[4], input = input, meta = given(held[5]), headers = given(held[6]),
    due = 0, timeout = 0,
  })
  change('last', name_in(key, 'execution'))
  return 'ok'
end

local word = stale()
if word then return { word, orders, {} } end
call('ZADD', schedules, next > 0 and due or 'inf', id)
for place = skips.first, skips.last, skips.width do skip(unpack(words, place, place + 3)) end
local answers = {}
for i = 1, count do
  local place = ticks.first + (i - 1) * ticks.width
  local tick = words[place]
  answers[i] = start(executions[i], words[place + 1])
  if answers[i] ~= 'ok' and answers[i] ~= 'dup' then skip(answers[i], tick, tick, '1') end
end
call('HSET', schedule_key, unpack(changes))
flush_executions()
flush_journal('', 0)
return { 'ok', orders, answers }
