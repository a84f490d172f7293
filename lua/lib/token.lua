-- Tokens: one entry of a ready stream is one ready or running step; its envelope is spliced here.
-- @include execution
-- @arg inline_value int bytes of one value that may travel in the envelope
-- @arg inline_total int bytes of all values that may travel in the envelope
local ABSENT = '\212\0\0' -- extension 0: a parent that gave nothing

-- Envelope: [attempt, deliveries, releases, execution, step, plan, data, headers]; the first three
-- have fixed offsets, so a reclaim changes one byte.
local DELIVERIES_AT = 5
local function envelope(execution, step, attempt, deliveries, releases, data)
  local id = execution.id
  return '\152\205' .. char(floor(attempt / 256), attempt % 256, deliveries, releases, 217, #id) .. id
    .. mp_uint(step) .. execution.plan.packed_hash .. data .. (execution.headers or NIL)
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

-- Re-issue a waiting step: its values go by reference, recorded values never change.
local function reissue(execution, step, queue, attempt, deliveries, releases)
  issue(execution, step, queue, envelope(execution, step, attempt, deliveries, releases, NIL))
end

-- Park a step until `due`; `why` is r (retry) or l (released).
local function park(execution, step, queue, due, attempt, deliveries, releases, why)
  write(execution, 's' .. step, 't' .. due .. ',' .. queue .. ',' .. attempt .. ',' .. deliveries .. ',' .. releases .. ',' .. why)
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

local function start_step(execution, edge, parent_value)
  local data = gather(execution, edge.child, edge.need, parent_value)
  execution.active = execution.active + 1
  issue(execution, edge.child, edge.queue, envelope(execution, edge.child, 1, 0, 0, data))
end
