-- Keep the digest of an API key under the id of the key; the key itself never comes here. Idempotent.
-- @include clock
-- @key api_keys hash `d:<id>` digest, `a:<id>` `<created ms> <expires ms or 0> <role> <name>`, `u:<id>` last use
-- @arg id str
-- @arg digest str SHA-256 of the key, hex
-- @arg role str
-- @arg name str what people call it; may be empty
-- @arg lifetime int milliseconds until it expires; 0 for never
-- @arg api_keys_cap int most keys of a namespace
-- @reply array created · taken · full, then what is stored as `a:<id>`
local known = call('HGET', api_keys, 'd:' .. id)
if known then return { known == digest and 'created' or 'taken', call('HGET', api_keys, 'a:' .. id) } end
if call('HLEN', api_keys) >= 3 * api_keys_cap then return { 'full', '' } end
local expires = lifetime > 0 and now + lifetime or 0
local about = decimal(now) .. ' ' .. decimal(expires) .. ' ' .. role .. ' ' .. name
call('HSET', api_keys, 'd:' .. id, digest, 'a:' .. id, about, 'u:' .. id, '0')
return { 'created', about }
