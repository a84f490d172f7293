-- One execution's hash during a call: read once, changed in memory, written once.
-- @include journal plan
-- @keys executions hash `state start input meta headers s<i> c<i> f<i> e<i> big:<field> error failed_step ended`
local loaded = {}

local function new_execution(key, id, plan, headers)
  return {
    key = key, id = id, packed_id = mp_str(id), plan = plan, headers = headers,
    phase = 'r', active = 0, seq = 0, flags = '', writes = {}, written = {},
  }
end

-- `state` = `<phase> <active> <seq> <plan> [flags]`; phases r running, f failing, d done.
local function load_execution(key)
  local known = loaded[key]
  if known ~= nil then return known end
  local fields = call('HMGET', key, 'state', 'headers')
  local execution = false
  if fields[1] then
    local phase, active, seq, hash, flags = string.match(fields[1], '^(%a) (%d+) (%d+) (%S+) ?(%a*)$')
    execution = new_execution(key, name_in(key, 'execution'), plan_of[hash], fields[2] or nil)
    execution.phase, execution.active, execution.seq = phase, tonumber(active), tonumber(seq)
    execution.flags, execution.hash = flags, hash
  end
  loaded[key] = execution
  return execution
end

-- Load every declared execution; answers what is missing, before anything is written.
local function load_executions()
  for i = 1, #executions do
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

local FINISHED = {
  completed = { key = completed, kind = 2, letter = 'C' },
  failed = { key = failed, kind = 3, letter = 'F' },
  cancelled = { key = cancelled, kind = 4, letter = 'X' },
}

local function finish(execution, status)
  local index = FINISHED[status]
  execution.phase = 'd'
  write(execution, 'ended', now .. ' ' .. index.letter)
  call('ZREM', live, execution.id)
  if execution.flags ~= '' then
    call('ZREM', stopping, execution.id)
    execution.flags = ''
  end
  call('ZADD', index.key, now, execution.id)
  emit(execution, index.kind, nil, NIL)
  ended_lines[#ended_lines + 1] = execution.id .. ' ' .. index.letter
  ended[#ended + 1] = '\147' .. execution.packed_id .. mp_str(index.letter) .. execution.plan.packed_hash
end

-- End what has nothing live left, mark what has begun to stop.
local function close_execution(execution)
  if execution.phase == 'r' then
    if execution.active == 0 then finish(execution, 'completed') end
  elseif execution.phase == 'f' then
    if execution.active == 0 then
      finish(execution, 'failed')
    elseif execution.flags == '' then
      execution.flags = 's'
      call('ZADD', stopping, now, execution.id)
      order('k:' .. execution.id .. ':1')
    end
  end
end

local function flush_execution(execution)
  close_execution(execution)
  local state = execution.phase .. ' ' .. execution.active .. ' ' .. execution.seq .. ' ' .. execution.plan.hash
  write(execution, 'state', execution.flags == '' and state or state .. ' ' .. execution.flags)
  local writes = execution.writes
  for first = 1, #writes, 4000 do
    call('HSET', execution.key, unpack(writes, first, math.min(first + 3999, #writes)))
  end
end

local function flush_executions()
  for _, execution in pairs(loaded) do
    if execution and execution.touched then flush_execution(execution) end
  end
end
