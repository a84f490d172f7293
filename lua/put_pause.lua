-- Note in the namespace's record what is paused, for workers that begin or were away; idempotent.
-- @key namespace hash `partitions schema`, `pause:<queue>` note of each paused queue, `*` for all
-- @arg name str of the queue; `*` for the namespace
-- @arg on int 1 pause · 0 go on
-- @arg note bin who paused it, when and why; opaque
-- @reply int 1 when it changed something
local field = 'pause:' .. name
if on == 1 then return redis.call('HSET', namespace, field, note) end
return redis.call('HDEL', namespace, field)
