-- The saga: which steps are undone, in reverse order of settling, one at a time.
-- @include token

local function undo_counts(execution)
  local total, left = string.match(read(execution, 'undo') or '0 0', '^(%d+) (%d+)$')
  return tonumber(total), tonumber(left)
end

local function append_undo(execution, step)
  local total, left = undo_counts(execution)
  write(execution, 'o' .. total + 1, step)
  write(execution, 'undo', total + 1 .. ' ' .. left + 1)
end

-- Whether a worker may have begun the step: what it did is uncertain until it has settled.
local function has_begun(execution, step, attempt, deliveries)
  return attempt > 1 or deliveries > 0 or (read(execution, 'r' .. step) or '') ~= ''
    or read(execution, 'g' .. step) == '1'
end

-- A step has settled: `how` is c completed, u uncertain (begun, and cut off), f failed by itself.
local function remember_undo(execution, step, how)
  local undo, when = undo_of(execution.plan, step)
  if undo and (how == 'c' or when == 'a' or (how == 'u' and when == 's')) then append_undo(execution, step) end
end

-- Start the next compensation; answers whether there was one.
local function compensate_next(execution)
  if not execution.plan.undo or has_flag(execution, 'a') then return false end
  local total, left = undo_counts(execution)
  if left == 0 then return false end
  local step = tonumber(read(execution, 'o' .. left))
  local undo, _, queue = undo_of(execution.plan, step)
  write(execution, 'undo', total .. ' ' .. left - 1)
  execution.active = execution.active + 1
  issue(execution, undo, queue, envelope(execution, undo, 1, 0, 0, NIL, NIL))
  emit(execution, 11, undo, mp_uint(step))
  return true
end
