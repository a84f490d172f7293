-- Make what a partition needs before anything runs: sentinels keep its keys alive, each ready stream has its group.
-- Idempotent; also the cure for a lost group.
-- @include partition
-- @key schedules zset due ms of each schedule
-- @reply int number of groups made
for _, key in ipairs({ timers, schedules, live, stopping, completed, failed, cancelled }) do
  call('ZADD', key, 'NX', 'inf', '~')
end
call('HSETNX', sweeper, 'records', 0)

local made = 0
for i = 1, #ready do
  -- The one write under pcall: BUSYGROUP says the group is there, and nothing was written.
  local reply = redis.pcall('XGROUP', 'CREATE', ready[i], GROUP, '0', 'MKSTREAM')
  if not reply.err then
    made = made + 1
  elseif not string.find(tostring(reply.err), 'BUSYGROUP', 1, true) then
    return redis.error_reply(reply.err)
  end
end
return made
