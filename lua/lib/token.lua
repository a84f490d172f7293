-- Tokens: one entry of a ready stream is one ready or running step; its envelope is spliced here.
-- @include execution
-- @arg inline_value int bytes of one value that may travel in the envelope
-- @arg inline_total int bytes of all values that may travel in the envelope

-- Envelope: [attempt, deliveries, releases, execution, step, plan, data, headers, resume]; the first three
-- have fixed offsets, so a reclaim changes one byte.
local DELIVERIES_AT = 5
local function envelope(execution, step, attempt, deliveries, releases, data, resume)
  local id = execution.id
  return '\153\205' .. char(floor(attempt / 256), attempt % 256, deliveries, releases, 217, #id) .. id
    .. mp_uint(step) .. execution.plan.packed_hash .. data .. (execution.headers or NIL) .. resume
end

local function envelope_execution(text)
  return sub(text, 9, 8 + byte(text, 8))
end

local function envelope_step(text)
  local at = 9 + byte(text, 8)
  local first = byte(text, at)
  if first < 128 then return first end
  return byte(text, at + 1) * 256 + byte(text, at + 2)
end

local function issue(execution, step, queue, text)
  local id = call('XADD', ready_of[queue], '*', 'e', text)
  write(execution, 's' .. step, 'q' .. id .. ',' .. queue)
end

-- A token that was not pending and yet is this step's: its group was lost, its entry is consumed by now.
local function holds(execution, step, token, key)
  return execution and read(execution, 's' .. step) == 'q' .. token .. ',' .. name_in(key, 'ready')
end

-- Whether the outcome of this very token settled the step.
local function stands_recorded(execution, step, token)
  return string.match(read(execution, 's' .. step) or '', '^[CFX][^\n|]*,(%d+%-%d+)') == token
end

-- Ready, but its execution is paused.
local function hold(execution, step, queue, attempt, deliveries, releases)
  write(execution, 's' .. step, 'h' .. queue .. ',' .. attempt .. ',' .. deliveries .. ',' .. releases)
end

-- What ended a step's wait, for the worker that goes on with it.
local function resume_of(execution, step)
  local resume = read(execution, 'r' .. step)
  if not resume or resume == '' then return NIL end
  return #resume > inline_value and ABSENT or resume
end

-- Issue a step again: its values go by reference, recorded values never change.
local function reissue(execution, step, queue, attempt, deliveries, releases)
  if is_paused(execution) then return hold(execution, step, queue, attempt, deliveries, releases) end
  local resume = resume_of(execution, step)
  issue(execution, step, queue, envelope(execution, step, attempt, deliveries, releases, NIL, resume))
end

local function resume_step(execution, step, resume, queue, attempt, deliveries, releases)
  write(execution, 'r' .. step, resume)
  reissue(execution, step, queue, attempt, deliveries, releases)
end

-- Park a step until `due`; `why` is r (retry), l (released) or s (sleeps).
local function park(execution, step, queue, due, attempt, deliveries, releases, why)
  write(execution, 's' .. step, 't' .. decimal(due) .. ',' .. queue .. ',' .. attempt .. ',' .. deliveries .. ',' .. releases .. ',' .. why)
  call('ZADD', timers, due, 'w:' .. execution.id .. ':' .. step)
end

-- One recorded value as MessagePack, ABSENT, or nil when it is too large to travel.
local function travelling(execution, field)
  local record = read(execution, field)
  if field ~= 'input' then
    if not record or byte(record) ~= 67 then return ABSENT end -- 67 = C, completed
    record = sub(record, string.find(record, '\n', 1, true) + 1)
  end
  if byte(record) ~= 61 or #record - 1 > inline_value then return nil end -- 61 = '='
  return sub(record, 2)
end

-- The values a step starts with, as a MessagePack array, or NIL when it must read them itself.
local function gather(execution, step, need, parent_value)
  if need == 'p' and parent_value then
    if #parent_value > inline_value then return NIL end
    return '\145' .. parent_value
  end
  if need == 'r' then return NIL end
  local values, total = {}, 0
  for at, field in ipairs(needs_of(execution.plan, step)) do
    local value = travelling(execution, field)
    if not value then return NIL end
    total = total + #value
    if total > inline_total then return NIL end
    values[at] = value
  end
  return mp_array(values)
end

-- A settled step needs its deadline no more.
local function record_settled(execution, step, record)
  write(execution, 's' .. step, record)
  if deadline_of(execution.plan, step) then call('ZREM', timers, 'd:' .. execution.id .. ':' .. step) end
end

local function start_step(execution, edge, parent_value)
  execution.active = execution.active + 1
  local deadline = deadline_of(execution.plan, edge.child)
  if deadline then call('ZADD', timers, now + deadline, 'd:' .. execution.id .. ':' .. edge.child) end
  if is_paused(execution) then return hold(execution, edge.child, edge.queue, 1, 0, 0) end
  local data = gather(execution, edge.child, edge.need, parent_value)
  issue(execution, edge.child, edge.queue, envelope(execution, edge.child, 1, 0, 0, data, NIL))
end
