-- Settle the edges of a settled step: release children, skip dead branches, page what does not fit.
-- @include token
-- @arg edge_budget int edges settled in one call; the rest becomes an order
local TAKEN, BLOCKED = 131072, 17179869184 -- a join's counter: settled + 2^17 taken + 2^34 blocked
local stack, budget = {}, edge_budget

-- How a step was settled, as its edges see it: c completed, f failed, b skipped after a failure,
-- s skipped because no branch led here, x cancelled.
local function settles(edge, mode, position, not_taken)
  if edge.kind == 'a' then return (mode == 'c' or mode == 'f') and 'taken' or 'not taken' end
  if edge.kind == 'f' then return mode == 'f' and 'taken' or 'not taken' end
  if mode == 's' then return 'not taken' end
  if mode ~= 'c' then return 'blocked' end
  if not_taken ~= '' and string.find(not_taken, ',' .. position .. ',', 1, true) then return 'not taken' end
  return 'taken'
end

-- What becomes of the child: `run`, a mode to settle it with, or nil while edges are open.
local function verdict(execution, edge, how)
  if edge.indegree == 1 then
    return how == 'taken' and 'run' or how == 'blocked' and 'b' or 's'
  end
  local field = 'c' .. edge.child
  local count = (tonumber(read(execution, field) or '0') or 0) + 1
  if how == 'taken' then count = count + TAKEN elseif how == 'blocked' then count = count + BLOCKED end
  write(execution, field, decimal(count))
  if count % TAKEN < edge.indegree then return nil end
  local taken, blocked = floor(count % BLOCKED / TAKEN), floor(count / BLOCKED)
  if taken > 0 and (blocked == 0 or edge.any) then return 'run' end
  return blocked > 0 and 'b' or 's'
end

local function record_unrun(execution, step, mode)
  if mode == 'x' then
    write(execution, 's' .. step, 'X' .. now)
    emit(execution, 13, step, NIL)
  else
    write(execution, 's' .. step, 'S' .. mode)
    emit(execution, 12, step, mp_str(mode))
  end
end

local function settle_edge(execution, edge, how, parent_value)
  local next_mode = verdict(execution, edge, how)
  if next_mode and has_flag(execution, 'y') and read(execution, 's' .. edge.child) then return end -- kept by a rerun
  if next_mode == 'run' then
    if execution.phase == 'r' or (edge.finalizer and is_stopping(execution)) then
      return start_step(execution, edge, parent_value)
    end
    next_mode = 'x'
  end
  if next_mode then
    record_unrun(execution, edge.child, next_mode)
    stack[#stack + 1] = { step = edge.child, from = 1, mode = next_mode, not_taken = '' }
  end
end

-- The edges still owed count as live, so the execution cannot end before they are settled.
local function park_edges(execution, item)
  write(execution, 'f' .. item.step, item.from .. ' ' .. item.mode .. ' ' .. item.not_taken)
  execution.active = execution.active + 1
  order('f:' .. execution.id .. ':' .. item.step)
end

local function settle_edges(execution, item)
  local plan = execution.plan
  local out = edges_of(plan, item.step)
  for position = item.from, out.count do
    if budget == 0 then
      item.from = position
      return park_edges(execution, item)
    end
    budget = budget - 1
    local edge = edge_at(plan, out, item.step, position)
    settle_edge(execution, edge, settles(edge, item.mode, position, item.not_taken), item.value)
  end
end

-- A stopping execution settles edges only to reach its finalizers.
local function spread(execution, step, from, mode, not_taken, value)
  if execution.phase ~= 'r' and not execution.plan.finalizers then return end
  stack[1] = { step = step, from = from, mode = mode, not_taken = not_taken, value = value }
  while #stack > 0 do
    local item = stack[#stack]
    stack[#stack] = nil
    settle_edges(execution, item)
  end
end
