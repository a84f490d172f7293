-- Forget a schedule; what it has started goes on.
-- Idempotent. First write ZREM: works under OOM.
-- @key schedules zset due ms of each schedule
-- @key schedule_key hash removed
-- @arg id str
-- @reply int 1 when there was one
local call = redis.call
call('ZREM', schedules, id)
return call('DEL', schedule_key)
