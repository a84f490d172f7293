-- What must hold between an execution's hash, the streams, the timers and the indexes.
-- @include recount
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
  if stops ~= is_stopping(execution) or stops ~= has_flag(execution, 's') then problem(execution, 'stopping index disagrees with its phase') end
end

local function check_token_of(execution, step, live)
  local entry = call('XRANGE', ready_of[live.queue], live.token, live.token)
  local text = entry[1] and entry[1][2][2]
  if not text or envelope_execution(text) ~= execution.id or envelope_step(text) ~= step then
    problem(execution, 'step ' .. step .. ' has no token ' .. live.token .. ' in queue ' .. live.queue)
  end
end

local function has_timer(execution, kind, step)
  return call('ZSCORE', timers, kind .. ':' .. execution.id .. (step and ':' .. step or '')) and true or false
end

-- A page of steps up to this one is still to be walked.
local function page_is_due(execution, step)
  for from = step, 1, -1 do
    if has_timer(execution, 'k', from) then return true end
  end
  return false
end

-- A child lives in its own hash: whether it has ended is for the caller to compare.
local function check_live(execution, step, record)
  local live = live_step(execution, step, record)
  if live.kind == 'q' then
    check_token_of(execution, step, live)
  elseif live.kind == 'w' and not string.find(waiters(execution, live.head), ',' .. step .. ',', 1, true) then
    problem(execution, 'step ' .. step .. ' does not stand in line for signal ' .. live.head)
  elseif live.kind == 'h' and not is_paused(execution) and not page_is_due(execution, step) then
    problem(execution, 'step ' .. step .. ' is held, and nothing is paused')
  end
  local timed = live.kind == 't' or (live.kind == 'w' and live.tail ~= '0')
  if timed and not has_timer(execution, 'w', step) then
    problem(execution, 'step ' .. step .. ' waits for a timer that is not set')
  end
  if deadline_of(execution.plan, step) and may_run(execution, step) and not has_timer(execution, 'd', step) then
    problem(execution, 'step ' .. step .. ' has a deadline that is not set')
  end
end

-- A stopping execution without finalizers settles no more edges: its counters stand still. So do those of
-- a rerun that only compensates.
local function settles_all(execution)
  if string.find(execution.phase, '[rs]') or string.find(read(execution, 'ended') or '', 'C') then return true end
  return execution.plan.finalizers and not has_flag(execution, 'y')
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
    if record and string.find(record, '^[qtwkh]') then
      alive = alive + 1
      check_live(execution, step, record)
    elseif record then
      recount(execution, counts, step, record)
    end
  end
  if alive ~= execution.active then problem(execution, 'counts ' .. execution.active .. ' live steps instead of ' .. alive) end
  if (alive == 0) ~= (execution.phase == 'd') then problem(execution, 'ended with live steps, or nothing will move it') end
  if has_flag(execution, 'x') and not has_timer(execution, 'x') then problem(execution, 'has a timeout that is not set') end
  if settles_all(execution) then check_counters(execution, counts) end
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
  local expected = ({ w = '^[tw]', d = '^[qtwkh]', f = '^%d' })[kind]
  local record = execution and expected and read(execution, (kind == 'f' and 'f' or 's') .. step)
  local owner = execution and (kind ~= 'x' or has_flag(execution, 'x'))
  if not owner or (expected and not string.find(record or '', expected)) then
    problems[#problems + 1] = 'timers: ' .. member .. ' belongs to nothing'
  end
end
