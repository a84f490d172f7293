-- Ask a worker to finish what it runs and end; it hears of it with its next heartbeat. Idempotent.
-- @key worker hash `about beat drain` of one worker
-- @reply str ok · gone
if redis.call('EXISTS', worker) == 0 then return 'gone' end
redis.call('HSET', worker, 'drain', '1')
return 'ok'
