-- Mending one whole execution: its indexes, its count of live steps, its steps, then joins by their recount.
-- @include mend
-- A join whose edges have all settled and that was not released: settle one edge again.
local function release_join(execution, edge, how)
  local count = tonumber(read(execution, 'c' .. edge.child))
  write(execution, 'c' .. edge.child, decimal(count - 1 - (how == 'taken' and TAKEN or how == 'blocked' and BLOCKED or 0)))
  settle_edge(execution, edge, how)
  while #stack > 0 do settle_edges(execution, table.remove(stack)) end
end

local function release_joins(execution, counts)
  for step = 0, execution.plan.steps do
    local record = step == 0 and 'C\n' or read(execution, 's' .. step)
    if record and string.find(record, '^[CFSX]') then
      local mode, not_taken, from = settled_as(execution, step, record)
      local out = edges_of(execution.plan, step)
      for position = 1, from and tonumber(from) - 1 or out.count do
        local edge = edge_at(execution.plan, out, step, position)
        local full = edge.indegree > 1 and (counts[edge.child] or 0) % TAKEN >= edge.indegree
        if full and not read(execution, 's' .. edge.child) then
          release_join(execution, edge, settles(edge, mode, position, not_taken))
        end
      end
    end
  end
end

local function mend_counters(execution, counts)
  local wrong = false
  for step = 1, execution.plan.steps do
    local stored = tonumber(read(execution, 'c' .. step) or '0')
    if stored ~= (counts[step] or 0) then
      write(execution, 'c' .. step, decimal(counts[step] or 0))
      say(execution, 'join ' .. step .. ' counts ' .. stored .. ' instead of ' .. (counts[step] or 0))
      wrong = true
    end
  end
  if wrong and execution.phase ~= 'd' then release_joins(execution, counts) end
end

-- Whether what it says of itself agrees: else nobody knows what it was.
local function is_whole(execution, seen)
  local started, ended = read(execution, 'start'), call('HGET', execution.key, 'ended')
  if not string.match(started or '', '^%d+ ') or (execution.phase == 'd') ~= (ended and true or false) then return false end
  if #seen.steps + #seen.owed > 0 then return execution.phase ~= 'd' end
  if execution.phase ~= 'r' then return execution.phase ~= 's' end
  for step = 1, execution.plan.steps do -- undo steps have no record while it runs
    local undoes = string.find(execution.plan.undo or '', ':' .. step .. ':%a:')
    if not read(execution, 's' .. step) and not undoes then return false end
  end
  return true
end

local function mend(execution, seen)
  local at, letter = string.match(call('HGET', execution.key, 'ended') or '', '^(%d+) (%a)$')
  local begun = read(execution, 'begin') or string.match(read(execution, 'start'), '^%d+')
  mend_indexes(execution, at or string.match(read(execution, 'start'), '^%d+'), letter)
  local alive = #seen.steps + #seen.owed
  if alive ~= execution.active then
    say(execution, 'counts ' .. execution.active .. ' live steps instead of ' .. alive)
    execution.active, execution.touched = alive, true
  end
  for _, step in ipairs(seen.owed) do
    local due = execution.phase == 's' and read(execution, 'begin') or now
    set_timer(execution, 'f', step, due, 'edges of step ' .. step .. ' are owed without an order')
  end
  for _, step in ipairs(seen.steps) do mend_step(execution, step) end
  local timeout = has_flag(execution, 'x') and tonumber(read(execution, 'timeout') or '')
  if timeout then set_timer(execution, 'x', nil, decimal(begun + timeout), 'has a timeout that is not set') end
  if settles_all(execution) then mend_counters(execution, seen.counts) end
  execution.touched = execution.touched or #execution.writes > 0
end

-- What stands for an execution that is not there.
local function forget(id)
  for _, key in ipairs({ live, completed, failed, cancelled, stopping }) do
    if call('ZREM', key, id) == 1 then mended[#mended + 1] = id .. ': stands in ' .. sub(key, base + 1) .. ', and is not there' end
  end
end
