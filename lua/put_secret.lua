-- Keep a secret under its name; what comes here was sealed by the client, Redis never sees a value.
-- Idempotent but for its times.
-- @include clock
-- @key secrets hash `v:<name>` sealed value, `a:<name>` `<created ms> <updated ms> <hosts>`
-- @arg name str
-- @arg sealed bin value and hosts
-- @arg hosts str the same hosts, to be shown, parted by commas
-- @arg secrets_cap int most secrets of a namespace
-- @reply str created · replaced · full
local before = call('HGET', secrets, 'a:' .. name)
if not before and call('HLEN', secrets) >= 2 * secrets_cap then return 'full' end
local created = before and string.match(before, '^%d+') or decimal(now)
local about = created .. ' ' .. decimal(now) .. ' ' .. hosts
call('HSET', secrets, 'v:' .. name, sealed, 'a:' .. name, about)
return before and 'replaced' or 'created'
