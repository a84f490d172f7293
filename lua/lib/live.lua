-- A live step taken from whatever holds or would wake it: token, timer, signal or child.
-- @include signals stop

-- The fields of a live record; nil for a step that is not live.
local function live_step(execution, step, record)
  local kind = sub(record or '', 1, 1)
  local live = { kind = kind, token = '0-0' }
  if kind == 'q' then
    live.token, live.queue = string.match(record, '^q(%S+),(%S+)$')
    local key = ready_of[live.queue]
    local entry = call('XRANGE', key, live.token, live.token)
    local text = entry[1] and entry[1][2][2]
    live.claimed = #call('XPENDING', key, GROUP, live.token, live.token, 1) > 0
    live.attempt = text and byte(text, 3) * 256 + byte(text, 4) or 1
    live.deliveries = text and byte(text, DELIVERIES_AT) or 0
    live.releases = text and byte(text, DELIVERIES_AT + 1) or 0
    return live
  elseif kind == 'h' then
    live.queue, live.attempt, live.deliveries, live.releases = string.match(record, '^h([^,]+),(%d+),(%d+),(%d+)$')
  elseif string.find(kind, '[twk]') then
    live.head, live.queue, live.attempt, live.deliveries, live.releases, live.tail =
      string.match(record, '^%a([^,]*),([^,]+),(%d+),(%d+),(%d+),?([^,]*)$')
  else
    return nil
  end
  live.attempt, live.deliveries, live.releases = tonumber(live.attempt), tonumber(live.deliveries), tonumber(live.releases)
  return live
end

local function reissue_live(execution, step, live)
  reissue(execution, step, live.queue, live.attempt, live.deliveries, live.releases)
end

local function meta_of(live)
  return live.attempt .. ',' .. live.deliveries .. ',' .. live.releases .. ',' .. live.queue .. ',0,0'
end

local function began(execution, step, live)
  return live.claimed or live.kind == 'w' or live.kind == 'k' or live.tail == 's'
    or has_begun(execution, step, live.attempt, live.deliveries)
end

local function remove_timer(execution, step)
  call('ZREM', timers, 'w:' .. execution.id .. ':' .. step)
end

-- Take away whatever would move the step; a child is told to end.
local function detach(execution, step, live)
  if live.kind == 'q' then
    call('XDEL', ready_of[live.queue], live.token)
    call('XACK', ready_of[live.queue], GROUP, live.token)
  elseif live.kind == 't' then
    remove_timer(execution, step)
  elseif live.kind == 'w' then
    leave_line(execution, live.head, step)
    if live.tail ~= '0' then remove_timer(execution, step) end
  elseif live.kind == 'k' then
    order('c:' .. live.head)
  end
end

local function cancel_live(execution, step, live)
  detach(execution, step, live)
  cancel_step(execution, step, began(execution, step, live) and meta_of(live) .. ',' .. live.token or nil)
end
