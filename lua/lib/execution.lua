-- One execution's hash during a call: read once, changed in memory, written once.
-- @include journal plan
-- @keys executions hash one execution each; fields in lua/README.md
local loaded = {}

local function new_execution(key, id, plan, headers)
  return {
    key = key, id = id, packed_id = mp_str(id), plan = plan, headers = headers,
    phase = 'r', active = 0, seq = 0, flags = '', writes = {}, written = {},
  }
end

-- `state` = `<phase> <active> <seq> <plan> [flags]`; phases s scheduled, r running, f failing, c cancelling,
-- u compensating, d done; flags, sorted: a abandons its saga, c ends cancelled, k child, p paused, s in `stopping`,
-- w workflow paused, x has a timeout, y rerun.
local function load_execution(key)
  local known = loaded[key]
  if known ~= nil then return known end
  local fields = call('HMGET', key, 'state', 'headers')
  local execution = false
  if fields[1] then
    local phase, active, seq, hash, flags = string.match(fields[1], '^(%a) (%d+) (%d+) (%S+) ?(%a*)$')
    execution = new_execution(key, name_in(key, 'execution'), plan_of[hash], fields[2] or nil)
    execution.phase, execution.active, execution.seq = phase, tonumber(active), tonumber(seq)
    execution.flags, execution.hash = flags, hash or '?'
  end
  loaded[key] = execution
  return execution
end

-- Load every declared execution, or the first few; answers what is missing, before anything is written.
local function load_executions(count)
  for i = 1, count or #executions do
    local execution = load_execution(executions[i])
    if execution and not execution.plan then
      return 'PLAN ' .. execution.hash .. ' of execution ' .. execution.id .. ' is not declared'
    end
  end
end

local function write(execution, field, value)
  local writes, at = execution.writes, execution.written[field]
  if at then
    writes[at] = value
  else
    at = #writes + 2
    writes[at - 1], writes[at] = field, value
    execution.written[field] = at
  end
end

local function read(execution, field)
  local at = execution.written[field]
  if at then return execution.writes[at] end
  return call('HGET', execution.key, field)
end

local function has_flag(execution, flag)
  return execution.flags ~= '' and string.find(execution.flags, flag, 1, true) ~= nil
end

local function set_flag(execution, flag)
  if has_flag(execution, flag) then return end
  local letters = {}
  for letter in string.gmatch(execution.flags .. flag, '%a') do letters[#letters + 1] = letter end
  table.sort(letters)
  execution.flags = concat(letters)
end

local function clear_flags(execution, letters)
  execution.flags = string.gsub(execution.flags, '[' .. letters .. ']', '')
end

-- Stopped from outside: what is ready is held, until it may go on.
local function is_paused(execution)
  return execution.flags ~= '' and string.find(execution.flags, '[pw]') ~= nil
end

local function is_stopping(execution)
  return execution.phase == 'f' or execution.phase == 'c'
end

local function may_run(execution, step)
  return execution.phase == 'r' or execution.phase == 'u'
    or (is_stopping(execution) and is_finalizer(execution.plan, step))
end
