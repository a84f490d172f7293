-- Mending what check.lua finds: indexes, tokens, timers, lines and counters of one execution.
-- @include check ending
-- @rows lost execution step token attempt
local INDEXES = { live, completed, failed, cancelled }
local mended, waiting, by_id, attempt_of = {}, {}, {}, {}

local function say(execution, text)
  mended[#mended + 1] = execution.id .. ': ' .. text
end

-- Whether a step waits for the end of a declared child that will not come any more.
local function waits_in_vain(execution, step, record)
  local child = by_id[string.match(record, '^k([^,]+),') or '']
  return child ~= nil and (not child or child.phase == 'd') and not has_timer(execution, 'p', step)
end

local function look_at(execution)
  local seen = { steps = {}, owed = {}, counts = {} }
  for step = 0, execution.plan.steps do
    local record = step == 0 and 'C\n' or read(execution, 's' .. step)
    if string.match(read(execution, 'f' .. step) or '', '^%d') then seen.owed[#seen.owed + 1] = step end
    if record and string.find(record, '^[qtwkh]') then
      seen.steps[#seen.steps + 1] = step
      if waits_in_vain(execution, step, record) then problem(execution, 'step ' .. step .. ' waits for a child that has ended') end
    elseif record then
      recount(execution, seen.counts, step, record)
    end
  end
  return seen
end

local function mend_indexes(execution, at, letter)
  local expected = letter and ({ C = completed, F = failed, X = cancelled })[letter] or live
  for _, key in ipairs(INDEXES) do
    local there, name = call('ZSCORE', key, execution.id), sub(key, base + 1)
    if there and key ~= expected then
      call('ZREM', key, execution.id)
      say(execution, 'stands in ' .. name)
    elseif not there and key == expected then
      call('ZADD', key, at, execution.id)
      say(execution, 'is missing from ' .. name)
    end
  end
  local stops = call('ZSCORE', stopping, execution.id) and true or false
  if stops == is_stopping(execution) and stops == has_flag(execution, 's') then return end
  if stops then call('ZREM', stopping, execution.id) end
  clear_flags(execution, 's') -- the end of this call marks again what stops, and walks its steps
  execution.touched = true
  say(execution, 'stopping index disagrees with its phase')
end

local function set_timer(execution, kind, step, due, text)
  if has_timer(execution, kind, step) then return end
  call('ZADD', timers, due, kind .. ':' .. execution.id .. (step and ':' .. step or ''))
  say(execution, text)
end

-- A worker may run on without the token; what the caller saw lost for a lease nobody runs.
local function mend_token(execution, step, live)
  local entry = call('XRANGE', ready_of[live.queue], live.token, live.token)
  local text = entry[1] and entry[1][2][2]
  if text and envelope_execution(text) == execution.id and envelope_step(text) == step then return end
  if live.claimed then return end -- whoever holds it settles it, or its lease runs out
  local name = execution.id .. ' ' .. step .. ' ' .. live.token
  if not attempt_of[name] then
    waiting[#waiting + 1] = name
    return
  end
  live.attempt, live.deliveries, live.releases = attempt_of[name], 0, 0
  if may_run(execution, step) then
    reissue_live(execution, step, live)
  else
    cancel_step(execution, step, meta_of(live) .. ',' .. live.token)
  end
  say(execution, 'step ' .. step .. ' has no token ' .. live.token .. ' in queue ' .. live.queue)
end

local function mend_step(execution, step)
  local record = read(execution, 's' .. step)
  local live, named = live_step(execution, step, record), 'step ' .. step
  if live.kind == 'q' then
    mend_token(execution, step, live)
  elseif live.kind == 'w' and not string.find(waiters(execution, live.head), ',' .. step .. ',', 1, true) then
    join_line(execution, live.head, step)
    say(execution, named .. ' does not stand in line for signal ' .. live.head)
  elseif live.kind == 'h' and not is_paused(execution) and not page_is_due(execution, step) then
    order('k:' .. execution.id .. ':' .. step)
    say(execution, named .. ' is held, and nothing is paused')
  elseif live.kind == 'k' and waits_in_vain(execution, step, record) then
    order('p:' .. execution.id .. ':' .. step)
    say(execution, named .. ' waits for a child that has ended')
  end
  local due = live.kind == 't' and live.head or live.kind == 'w' and live.tail ~= '0' and live.tail
  if due then set_timer(execution, 'w', step, due, named .. ' waits for a timer that is not set') end
  local deadline = deadline_of(execution.plan, step)
  if deadline and may_run(execution, step) then
    local since = live.kind == 'q' and string.match(live.token, '^%d+') or now
    set_timer(execution, 'd', step, decimal(since + deadline), named .. ' has a deadline that is not set')
  end
end
