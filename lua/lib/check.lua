-- What must hold between an execution's hash, the streams, the timers and the indexes.
-- @include frontier
local problems = {}

local function problem(execution, text)
  problems[#problems + 1] = execution.id .. ': ' .. text
end

local function check_indexes(execution)
  local ended_as = string.match(call('HGET', execution.key, 'ended') or '', '%a$')
  local expected = ended_as and ({ C = completed, F = failed, X = cancelled })[ended_as] or live
  for _, key in ipairs({ live, completed, failed, cancelled }) do
    local there = call('ZSCORE', key, execution.id) and true or false
    if there ~= (key == expected) then
      problem(execution, (there and 'stands in ' or 'is missing from ') .. sub(key, base + 1))
    end
  end
  if (execution.phase == 'd') ~= (ended_as ~= nil) then problem(execution, 'phase and end disagree') end
  local stops = call('ZSCORE', stopping, execution.id) and true or false
  if stops ~= (execution.phase == 'f') then problem(execution, 'stopping index disagrees with its phase') end
end

local function check_live(execution, step, record)
  local token, queue = string.match(record, '^q(%S+),(%S+)$')
  if token then
    local entry = call('XRANGE', ready_of[queue], token, token)
    local text = entry[1] and entry[1][2][2]
    if not text or envelope_execution(text) ~= execution.id or envelope_step(text) ~= step then
      problem(execution, 'step ' .. step .. ' has no token ' .. token .. ' in queue ' .. queue)
    end
  elseif not call('ZSCORE', timers, 'w:' .. execution.id .. ':' .. step) then
    problem(execution, 'step ' .. step .. ' waits for a timer that is not set')
  end
end

-- How the edges of a step were settled so far: mode, edges not taken, first position still owed.
local function settled_as(execution, step, record)
  local from = string.match(read(execution, 'f' .. step) or '', '^(%d+) ')
  local letter = step == 0 and 'C' or sub(record, 1, 1)
  if letter == 'S' then return sub(record, 2, 2), '', from end
  local not_taken = letter == 'C' and string.match(record, '^[^\n]-|([^\n]*)\n') or ''
  return ({ C = 'c', F = 'f', X = 'x' })[letter], not_taken, from
end

local function recount(execution, counts, step, record)
  local mode, not_taken, from = settled_as(execution, step, record)
  local out = edges_of(execution.plan, step)
  for position = 1, from and tonumber(from) - 1 or out.count do
    local edge = edge_at(execution.plan, out, step, position)
    if edge.indegree > 1 then
      local how = settles(edge, mode, position, not_taken)
      counts[edge.child] = (counts[edge.child] or 0) + 1 + (how == 'taken' and TAKEN or how == 'blocked' and BLOCKED or 0)
    end
  end
end

local function check_counters(execution, counts)
  for step = 1, execution.plan.steps do
    local stored = tonumber(read(execution, 'c' .. step) or '0')
    if stored ~= (counts[step] or 0) then
      problem(execution, 'join ' .. step .. ' counts ' .. stored .. ' instead of ' .. (counts[step] or 0))
    end
  end
end

local function check_execution(execution)
  check_indexes(execution)
  local alive, counts = 0, {}
  for step = 0, execution.plan.steps do
    local record = step == 0 and 'C\n' or read(execution, 's' .. step)
    if string.match(read(execution, 'f' .. step) or '', '^%d') then
      alive = alive + 1
      if not call('ZSCORE', timers, 'f:' .. execution.id .. ':' .. step) then
        problem(execution, 'edges of step ' .. step .. ' are owed without an order')
      end
    end
    if record and string.find(record, '^[qt]') then
      alive = alive + 1
      check_live(execution, step, record)
    elseif record then
      recount(execution, counts, step, record)
    end
  end
  if alive ~= execution.active then problem(execution, 'counts ' .. execution.active .. ' live steps instead of ' .. alive) end
  if (alive == 0) ~= (execution.phase == 'd') then problem(execution, 'ended with live steps, or nothing will move it') end
  -- A stopping execution without finalizers settles no more edges: its counters stand still.
  local whole = execution.phase == 'r' or execution.plan.finalizers or not call('HGET', execution.key, 'failed_step')
  if whole then check_counters(execution, counts) end
end

local function check_token(token, key, execution)
  local entry = call('XRANGE', key, token, token)
  if #entry == 0 then return end -- consumed since the caller's read
  local queue, step = name_in(key, 'ready'), envelope_step(entry[1][2][2])
  if not execution or read(execution, 's' .. step) ~= 'q' .. token .. ',' .. queue then
    problems[#problems + 1] = 'queue ' .. queue .. ': token ' .. token .. ' belongs to no live step'
  end
end

local function check_member(member, execution)
  if not call('ZSCORE', timers, member) then return end -- fired since the caller's read
  local kind, step = sub(member, 1, 1), string.match(member, '%d+$')
  local field = kind == 'w' and 's' .. step or kind == 'f' and 'f' .. step
  local record = execution and (not field or read(execution, field))
  if not record or record == '' or (kind == 'w' and byte(record) ~= 116) then
    problems[#problems + 1] = 'timers: ' .. member .. ' belongs to nothing'
  end
end
