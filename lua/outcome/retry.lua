-- The attempt failed and another is due after a delay; it begins anew, whatever this one had waited for.
-- @include stop
local function settle_retry(execution, step, token, meta, value, delay)
  local attempt, queue = string.match(meta, '^(%d+),%d+,%d+,([^,]+)')
  write(execution, 'e' .. step, value)
  if resume_of(execution, step) ~= NIL then write(execution, 'r' .. step, '') end
  emit(execution, 8, step, mp_str(meta))
  park(execution, step, queue, now + tonumber(delay), tonumber(attempt) + 1, 0, 0, 'r')
end
