-- Join counters, recounted from the records of the parents.
-- @include live
local problems = {}

local function problem(execution, text)
  problems[#problems + 1] = execution.id .. ': ' .. text
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
