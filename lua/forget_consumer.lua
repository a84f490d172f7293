-- Forget how far a consumer of events has come in one partition; first write HDEL, works under OOM. Idempotent.
-- @key consumers hash of each consumer `<term> <entry> <record>`
-- @arg name str
-- @reply int 1 when it had come anywhere
return redis.call('HDEL', consumers, name)
