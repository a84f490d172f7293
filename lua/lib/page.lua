-- A page of an execution's steps: end them when it stops, hold them when it is paused, else let them go on.
-- @include live
-- @arg page int steps looked at by one order

local function end_page_step(execution, step, live)
  if may_run(execution, step) then
    if live.kind == 'h' then reissue_live(execution, step, live) end -- a finalizer: stopping has ended the pause
    return
  end
  if live.claimed then return end
  if live.kind == 'k' then return order('c:' .. live.head) end -- its end comes back as an order
  cancel_live(execution, step, live)
end

local function hold_page_step(execution, step, live)
  if live.kind ~= 'q' or live.claimed then return end
  call('XDEL', ready_of[live.queue], live.token)
  hold(execution, step, live.queue, live.attempt, live.deliveries, live.releases)
end

local function free_page_step(execution, step, live)
  if live.kind == 'h' then reissue_live(execution, step, live) end
end

local function page_act(execution)
  if is_stopping(execution) then return end_page_step end
  if execution.phase ~= 'r' then return nil end
  return is_paused(execution) and hold_page_step or free_page_step
end

local function walk_page(execution, from)
  local act = page_act(execution)
  if not act then return end
  local last, fields = math.min(from + page - 1, execution.plan.steps), {}
  for step = from, last do fields[#fields + 1] = 's' .. step end
  local records = #fields > 0 and call('HMGET', execution.key, unpack(fields)) or {}
  for i = 1, #fields do
    local step = from + i - 1
    local record = execution.written[fields[i]] and read(execution, fields[i]) or records[i]
    local live = record and live_step(execution, step, record)
    if live then act(execution, step, live) end
  end
  if last < execution.plan.steps then order('k:' .. execution.id .. ':' .. last + 1) end
end
