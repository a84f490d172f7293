-- The worker gives the step back, cut short or unrun; no attempt is charged.
-- @include stop
local function settle_unrun(execution, step, token, meta, value, delay)
  local attempt, deliveries, releases, queue = string.match(meta, '^(%d+),(%d+),(%d+),([^,]+)')
  local wait = tonumber(delay)
  releases = math.min(tonumber(releases) + 1, 127)
  emit(execution, 14, step, mp_str(value))
  if wait == 0 then
    reissue(execution, step, queue, tonumber(attempt), tonumber(deliveries), releases)
  else
    park(execution, step, queue, now + wait, attempt, deliveries, releases, 'l')
  end
end

local function settle_released(execution, step, token, meta, value, delay)
  if undo_of(execution.plan, step) then write(execution, 'g' .. step, '1') end
  settle_unrun(execution, step, token, meta, value, delay)
end
