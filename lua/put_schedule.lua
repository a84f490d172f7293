-- Keep a schedule, or another rule in the place of the one it had; the same again only puts it back in line.
-- Idempotent by digest. First write ZADD: refused under OOM with nothing left behind.
-- @include clock
-- @key schedules zset due ms of each schedule, `+inf` while it is paused
-- @key schedule_key hash fields in lua/README.md
-- @key workflow hash the partition's copy of what it starts
-- @arg id str
-- @arg digest str of all that follows but the tick
-- @arg rule bin
-- @arg timing str of what its ticks come from: while it stays, so does the tick it waits for
-- @arg input bin `=` or `@` and its sealed input
-- @arg input_digest str
-- @arg meta bin labels and metadata of its executions; empty for none
-- @arg headers bin headers of its executions; empty for none
-- @arg next int its next tick in seconds
-- @arg due int ms at which that is due
-- @reply str created · replaced · unchanged · unknown (there is no such workflow)
if call('EXISTS', workflow) == 0 then return 'unknown' end
local before = call('HMGET', schedule_key, 'digest', 'timing', 'next', 'due', 'created', 'paused')
if before[1] == digest and call('ZSCORE', schedules, id) then return 'unchanged' end
if before[2] == timing then next, due = tonumber(before[3]), tonumber(before[4]) end
call('ZADD', schedules, 'NX', 'inf', '~')
call('ZADD', schedules, before[6] and 'inf' or due, id)
call('HSET', schedule_key, 'digest', digest, 'rule', rule, 'timing', timing, 'input', input, 'input_digest', input_digest,
  'meta', meta, 'headers', headers, 'next', decimal(next), 'due', decimal(due),
  'created', before[5] or decimal(now), 'updated', decimal(now))
return before[1] and 'replaced' or 'created'
