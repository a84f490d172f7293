-- The step waits and holds no worker: for a time, or for a signal that may have come already.
-- @include stop signals
local function counts_of(meta)
  local attempt, deliveries, releases, queue = string.match(meta, '^(%d+),(%d+),(%d+),([^,]+)')
  return queue, tonumber(attempt), tonumber(deliveries), tonumber(releases)
end

local function settle_sleeping(execution, step, token, meta, value, detail)
  local queue, attempt, deliveries, releases = counts_of(meta)
  local due = due_at(detail)
  emit(execution, 19, step, NIL)
  if due <= now then
    return resume_step(execution, step, mp_array({ mp_str('timer') }), queue, attempt, deliveries, releases)
  end
  park(execution, step, queue, due, attempt, deliveries, releases, 's')
end

local function settle_signal(execution, step, token, meta, name, timeout)
  local queue, attempt, deliveries, releases = counts_of(meta)
  emit(execution, 9, step, mp_str(name))
  local early = take_buffered(execution, name)
  if early then
    emit(execution, 10, step, mp_str(name))
    return resume_step(execution, step, signal_resume(early), queue, attempt, deliveries, releases)
  end
  local due = timeout ~= '' and now + tonumber(timeout) or 0
  write(execution, 's' .. step, 'w' .. name .. ',' .. queue .. ',' .. attempt .. ',' .. deliveries .. ',' .. releases .. ',' .. decimal(due))
  join_line(execution, name, step)
  if due > 0 then call('ZADD', timers, due, 'w:' .. execution.id .. ':' .. step) end
end
