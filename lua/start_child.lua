-- A step starts a child execution and waits for its end: its token is consumed and the child begun in one script.
-- Idempotent by child id: once the step waits, the call again answers dup. First write ZADD: refused under OOM with nothing left behind.
-- @include stop begin workflow
-- @arg queue int position of the step's queue
-- @arg token str
-- @arg step int
-- @arg meta str of the step's attempt
-- @arg version int pinned version; 0 for the latest
-- @arg digest str of the child's input
-- @arg input bin `=` or `@` and the child's input
-- @arg depth_limit int how deep executions may nest
-- @reply array [word, orders, ended: MessagePack of [id, letter, plan, ms it took]]; word: ok · dup · stale · gone · cancelled · unknown · inactive · moved <plan> · conflict · deep
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits step.waiting step.cancelled workflow.started workflow.failed workflow.cancelled
local missing = load_plans() or load_executions(1)
if missing then return redis.error_reply(missing) end
local parent, child_key = load_execution(executions[1]), executions[2]
local child_id, child_plan = name_in(child_key, 'execution'), plan_of[name_in(plans[#plans], 'plan')]
local first_parent, first_end = unpack(call('HMGET', child_key, 'parent', 'ended')) -- of a child that is there already
local exists = first_parent or call('EXISTS', child_key) == 1

-- Why there will be no child, before anything is written.
local function refused(workflow, depth)
  if exists then return first_parent ~= parent.id .. ' ' .. step and 'conflict' or nil end
  if depth > depth_limit then return 'deep' end
  return refusal(workflow, child_plan, version > 0)
end

local function begin_child(workflow, depth)
  local child = begin_execution(child_key, child_plan, workflow, {
    version = version > 0 and version or workflow.version, digest = digest, input = input,
    meta = read(parent, 'meta') or nil, headers = parent.headers, due = 0, timeout = 0,
  })
  write(child, 'parent', parent.id .. ' ' .. step)
  write(child, 'depth', depth)
  set_flag(child, 'k')
end

local function wait_for(child_ended)
  local attempt, deliveries, releases, name = string.match(meta, '^(%d+),(%d+),(%d+),([^,]+)')
  write(parent, 's' .. step, 'k' .. child_id .. ',' .. name .. ',' .. attempt .. ',' .. deliveries .. ',' .. releases)
  if child_ended then order('p:' .. parent.id .. ':' .. step) end
end

local function consume()
  call('XDEL', ready[queue], token)
  call('XACK', ready[queue], GROUP, token)
end

local function start()
  if not parent then
    consume()
    return 'gone'
  end
  local record = read(parent, 's' .. step) or ''
  local waits = string.find(record, 'k' .. child_id .. ',', 1, true) == 1
  if waits or stands_recorded(parent, step, token) then return 'dup' end
  if not holds(parent, step, token, ready[queue]) then return 'stale' end
  parent.touched = true
  if not may_run(parent, step) then
    consume()
    cancel_step(parent, step, meta .. ',' .. token)
    return 'cancelled'
  end
  local workflow, depth = workflow_at(1), tonumber(read(parent, 'depth') or '0') + 1
  local word = refused(workflow, depth)
  if word then
    parent.touched = false
    return word
  end
  emit(parent, 19, step, mp_str(child_id))
  if not exists then begin_child(workflow, depth) end
  consume()
  wait_for(first_end)
  return 'ok'
end

local word = start()
flush_executions()
flush_journal('', 0)
return { word, orders, mp_array(ended) }
