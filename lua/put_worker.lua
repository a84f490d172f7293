-- A worker's heartbeat: what it is and offers, and that it lives; idempotent.
-- @include clock
-- @key worker hash `about beat drain` of one worker; expires when its beats stop
-- @key namespace hash `pause:<queue>` of each paused queue
-- @key queues set names of all queues of the namespace
-- @keys serving zset workers of each queue it serves, by last beat
-- @arg id str worker id
-- @arg about bin functions, node types, queues, slots, version, host, pid; empty when it stops
-- @arg alive int milliseconds a silent worker counts as alive
-- @rows names name
-- @reply array [live workers of each queue it serves, names of all queues, names of paused queues, 1 to drain]
if about == '' then
  call('DEL', worker)
else
  call('HSET', worker, 'about', about, 'beat', now)
  call('PEXPIRE', worker, alive * 10)
  call('SADD', queues, unpack(words, names.first, names.last))
end
local counts = {}
for i = 1, #serving do
  if about == '' then
    call('ZREM', serving[i], id)
  else
    call('ZADD', serving[i], now, id)
  end
  call('ZREMRANGEBYSCORE', serving[i], '-inf', now - alive)
  counts[i] = call('ZCARD', serving[i])
end
local paused, fields = {}, call('HGETALL', namespace)
for i = 1, #fields, 2 do
  local name = string.match(fields[i], '^pause:(.+)$')
  if name then paused[#paused + 1] = name end
end
return { counts, call('SMEMBERS', queues), paused, call('HGET', worker, 'drain') == '1' and 1 or 0 }
