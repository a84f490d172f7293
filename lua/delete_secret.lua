-- Forget a secret; first write HDEL, works under OOM. Idempotent.
-- @key secrets hash `v:<name>` sealed value, `a:<name>` `<created ms> <updated ms> <hosts>`
-- @arg name str
-- @reply int 1 when there was one
return redis.call('HDEL', secrets, 'v:' .. name, 'a:' .. name) > 0 and 1 or 0
