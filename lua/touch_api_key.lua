-- Note that an API key was used, unless that was noted lately or the key is gone. Idempotent.
-- @include clock
-- @key api_keys hash `d:<id>` digest, `a:<id>` `<created ms> <expires ms or 0> <role> <name>`, `u:<id>` last use
-- @arg id str
-- @arg pause int milliseconds between two notes
-- @reply int 1 when it was noted
local before = tonumber(call('HGET', api_keys, 'u:' .. id) or '')
if not before or now - before < pause then return 0 end
call('HSET', api_keys, 'u:' .. id, decimal(now))
return 1
