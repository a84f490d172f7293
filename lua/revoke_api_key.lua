-- Forget an API key, so that it opens nothing any more; first write HDEL, works under OOM. Idempotent.
-- @key api_keys hash `d:<id>` digest, `a:<id>` `<created ms> <expires ms or 0> <role> <name>`, `u:<id>` last use
-- @arg id str
-- @reply int 1 when there was one
return redis.call('HDEL', api_keys, 'd:' .. id, 'a:' .. id, 'u:' .. id) > 0 and 1 or 0
