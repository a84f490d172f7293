-- Signals: steps wait in line for a name, signals that come early wait in its buffer.
-- @include token

local function waiters(execution, name)
  local line = read(execution, 'w:' .. name)
  return line and line ~= '' and line or ','
end

local function join_line(execution, name, step)
  write(execution, 'w:' .. name, waiters(execution, name) .. step .. ',')
end

local function leave_line(execution, name, step)
  local line = string.gsub(waiters(execution, name), ',' .. step .. ',', ',', 1)
  write(execution, 'w:' .. name, line == ',' and '' or line)
end

-- The first in line that may go on: while an execution stops, only a finalizer may.
local function first_in_line(execution, name)
  for step in string.gmatch(waiters(execution, name), '%d+') do
    if may_run(execution, tonumber(step)) then return tonumber(step) end
  end
end

local function buffer_of(execution, name)
  local head, tail = string.match(read(execution, 'b:' .. name) or '1 1', '^(%d+) (%d+)$')
  return tonumber(head), tonumber(tail)
end

local function signal_resume(payload)
  return '\146' .. mp_str('signal') .. payload
end

-- The oldest early signal of a name, or nil.
local function take_buffered(execution, name)
  local head, tail = buffer_of(execution, name)
  if head == tail then return nil end
  local field = 'b:' .. name .. ':' .. head
  local payload = read(execution, field)
  call('HDEL', execution.key, field)
  write(execution, 'b:' .. name, head + 1 .. ' ' .. tail)
  write(execution, 'signals', tonumber(read(execution, 'signals')) - 1)
  return payload
end

local function buffer(execution, name, payload)
  local head, tail = buffer_of(execution, name)
  write(execution, 'b:' .. name .. ':' .. tail, payload)
  write(execution, 'b:' .. name, head .. ' ' .. tail + 1)
  write(execution, 'signals', (tonumber(read(execution, 'signals') or '0') or 0) + 1)
end
