-- Forget a webhook, and the path that leads to it; first write HDEL, works under OOM. Idempotent.
-- @key webhooks hash `w:<name>` about, `d:<name>` the rest, `p:<path>` name, `r:<name>` its rate
-- @arg name str
-- @reply int 1 when there was one
local about = redis.call('HGET', webhooks, 'w:' .. name)
if not about then return 0 end
local path = string.match(about, '^%d+ %d+ %d+ (%S+) ') or ''
redis.call('HDEL', webhooks, 'w:' .. name, 'd:' .. name, 'r:' .. name, 'p:' .. path)
return 1
