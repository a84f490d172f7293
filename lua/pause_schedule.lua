-- Hold a schedule, or let it go on from a tick that is still to come.
-- Idempotent. First write ZADD: refused under OOM with nothing left behind.
-- @include clock
-- @key schedules zset due ms of each schedule, `+inf` while it is paused
-- @key schedule_key hash fields in lua/README.md
-- @arg id str
-- @arg digest str of the rule that `next` was reckoned with
-- @arg on int 1 to hold it, 0 to let it go on
-- @arg note bin by whom and why
-- @arg next int tick it goes on with, in seconds
-- @arg due int ms at which that is due
-- @reply str ok · unchanged · gone · changed (it has another rule by now)
local found, paused = unpack(call('HMGET', schedule_key, 'digest', 'paused'))
if not found then return 'gone' end
if (on == 1) == (paused ~= false) then return 'unchanged' end
if on == 1 then
  call('ZADD', schedules, 'inf', id)
  call('HSET', schedule_key, 'paused', note)
  return 'ok'
end
if found ~= digest then return 'changed' end
call('ZADD', schedules, due, id)
call('HSET', schedule_key, 'next', decimal(next), 'due', decimal(due))
call('HDEL', schedule_key, 'paused')
return 'ok'
