-- What holds up steps of one execution, as it stands at one moment, read-only.
-- @include clock
-- @key timers zset due work
-- @key stopping zset executions that stop
-- @key sweeper hash last sweep, outage guard, paused queues and their notes
-- @key execution hash
-- @key workflow hash the partition's copy of its workflow
-- @keys ready stream streams of the plan's queues
-- @arg id str of the execution
-- @rows steps step
-- @reply array now, state, since when it stops, last sweep, no lease is taken over before, edges owed from the start, workflow paused, its note, note of the namespace's pause or nil, until when nothing is taken in, what INFO says of memory, disk and role, then for each ready stream its note or nil, then for each step: number, record, error of its last retry, worker, milliseconds since its claim or last heartbeat, tokens ahead of it, due, join counter, edges owed; nothing for no such execution
local MOST_AHEAD = 1000
local state, owed = unpack(call('HMGET', execution, 'state', 'f0'))
if not state then return {} end
local tick, hold, paused, full = unpack(call('HMGET', sweeper, 'tick', 'hold', 'paused', 'full'))
local answer = { now, state, call('ZSCORE', stopping, id), tick, hold, owed }

local workflow_fields = call('HMGET', workflow, 'paused', 'note')
answer[7], answer[8] = workflow_fields[1], workflow_fields[2]

local function pause_note(name)
  if not string.find(paused or '', ',' .. name .. ',', 1, true) then return false end
  return call('HGET', sweeper, 'note:' .. name) or ''
end

-- Section by section, as Redis 6.2 has it; nothing where it may not be asked.
local function told()
  local text = ''
  for _, section in ipairs({ 'memory', 'persistence', 'replication' }) do
    local info = redis.pcall('INFO', section)
    text = text .. (type(info) == 'string' and info or '')
  end
  return text
end

answer[9], answer[10], answer[11] = pause_note('*'), full, told()
local streams, claimed = {}, {}
for i = 1, #ready do
  local name = string.match(ready[i], ':ready:(.+)$')
  streams[name] = ready[i]
  answer[#answer + 1] = pause_note(name)
end

-- What is claimed stands in the pending list until it is deleted: behind its last entry nothing is claimed.
-- Where the group is gone nobody holds a step, until a sweep has made it again.
local function last_claimed(key)
  claimed[key] = claimed[key] or redis.pcall('XPENDING', key, 'workers')[3] or '0-0'
  return claimed[key]
end

-- Worker and silence of a token that is claimed, else how many would be claimed before it.
local function place(record)
  local token, queue = string.match(record, '^q(%S+),(%S+)$')
  local key = streams[queue or '']
  if not key then return false, false, false end
  local pending = redis.pcall('XPENDING', key, 'workers', token, token, 1)
  if #pending > 0 then return pending[1][2], pending[1][3], false end
  local ahead = call('XRANGE', key, '(' .. last_claimed(key), token, 'COUNT', MOST_AHEAD + 1)
  return false, false, math.max(#ahead - 1, 0)
end

for at = steps.first, steps.last, steps.width do
  local step, last = words[at], #answer
  local fields = call('HMGET', execution, 's' .. step, 'e' .. step, 'c' .. step, 'f' .. step)
  answer[last + 1], answer[last + 2], answer[last + 3] = tonumber(step), fields[1], fields[2]
  answer[last + 4], answer[last + 5], answer[last + 6] = place(fields[1] or '')
  answer[last + 7] = call('ZSCORE', timers, 'w:' .. id .. ':' .. step)
  answer[last + 8], answer[last + 9] = fields[3], fields[4]
end
return answer
