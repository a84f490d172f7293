-- Remove consumers of dead workers: nothing is pending under such a name, no live worker bears it, and it has
-- been silent long enough. What is pending is never touched: a removed consumer takes it along. Idempotent.
-- @keys ready stream one entry = one ready or running step; group `workers`
-- @arg idle int milliseconds a consumer has been silent
-- @arg limit int consumers removed at the most
-- @rows alive worker
-- @reply int number of consumers removed
local is_alive = {}
for at = alive.first, alive.last do is_alive[words[at]] = true end

local function is_dead(consumer)
  return consumer.pending == 0 and consumer.idle >= idle and not is_alive[consumer.name]
end

local dead = {}
for i = 1, #ready do
  -- A stream or a group that is gone has no consumers; the next sweep makes it again.
  local found = redis.pcall('XINFO', 'CONSUMERS', ready[i], 'workers')
  for at = 1, found.err and 0 or #found do
    local consumer = {}
    for field = 1, #found[at], 2 do consumer[found[at][field]] = found[at][field + 1] end
    if #dead < limit and is_dead(consumer) then dead[#dead + 1] = { ready[i], consumer.name } end
  end
end
for _, one in ipairs(dead) do redis.call('XGROUP', 'DELCONSUMER', one[1], 'workers', one[2]) end
return #dead
