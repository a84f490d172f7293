-- Pause a queue, a workflow or the whole namespace in one partition, or let it go on; idempotent.
-- Queues and namespace: nothing is claimed. A workflow: its new executions begin paused.
-- @include partition
-- @key workflow hash the partition's copy of the workflow; any other when none is meant
-- @arg what str queue · workflow · namespace
-- @arg name str of the queue; `*` for the namespace
-- @arg on int 1 pause · 0 go on
-- @arg note bin who paused it, when and why; opaque
-- @reply str ok · dup · unknown
local function swap(key, field, before, after)
  if before == after then return 'dup' end
  call('HSET', key, field, after)
  return 'ok'
end

local function pause_claims()
  local before = call('HGET', sweeper, 'paused') or ''
  local one = ',' .. name .. ','
  local there = string.find(before, one, 1, true)
  if (on == 1) == (there ~= nil) then return 'dup' end
  if on == 1 then return swap(sweeper, 'paused', before, before == '' and one or before .. name .. ',') end
  local after = sub(before, 1, there) .. sub(before, there + #one)
  return swap(sweeper, 'paused', before, after == ',' and '' or after)
end

local function pause_workflow()
  local fields = call('HMGET', workflow, 'plan', 'paused')
  if not fields[1] then return 'unknown' end
  return swap(workflow, 'paused', fields[2] or '0', on == 1 and '1' or '0')
end

local word
if what == 'workflow' then
  word = pause_workflow()
  if word == 'ok' then call('HSET', workflow, 'note', on == 1 and note or '') end
else
  word = pause_claims()
  if word == 'ok' then call('HSET', sweeper, 'note:' .. name, on == 1 and note or '') end
end
if word == 'ok' then call('PUBLISH', control, 'paused') end
return word
