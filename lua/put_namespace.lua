-- Create a namespace, or answer the one that exists; idempotent: its partitions never change.
-- @key namespace hash `partitions` `schema`
-- @arg partitions int 0 only asks
-- @arg schema int version of the data model
-- @reply array partitions (0: no such namespace), schema
if partitions > 0 and redis.call('EXISTS', namespace) == 0 then
  redis.call('HSET', namespace, 'partitions', partitions, 'schema', schema)
end
local found = redis.call('HMGET', namespace, 'partitions', 'schema')
return { tonumber(found[1] or '0'), tonumber(found[2] or '0') }
