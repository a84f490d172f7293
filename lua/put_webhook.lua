-- Keep a webhook under its name; a path leads to one webhook. A path that is to be random is drawn by the client.
-- Idempotent but for its time and revision.
-- @include clock
-- @key webhooks hash `w:<name>` `<revision> <created ms> <updated ms> <path> <fixed> <rate>`, `d:<name>` the rest, `p:<path>` name, `r:<name>` its rate
-- @arg name str
-- @arg path str the one to have; with `keep` only if it has no random one yet
-- @arg choice str keep · new: a random path · fixed
-- @arg rate int deliveries a minute, 0 for any number
-- @arg revision int what is replaced, 0 for whatever is there
-- @arg document bin opaque
-- @arg webhooks_cap int most webhooks of a namespace
-- @reply array [word, path]; word: created · replaced · changed (another revision is there) · taken (path is another's) · full
local before = call('HGET', webhooks, 'w:' .. name) or ''
local number, created, old, fixed = string.match(before, '^(%d+) (%d+) %d+ (%S+) (%d) ')
if revision > 0 and tonumber(number or 0) ~= revision then return { 'changed', '' } end
if choice == 'keep' and fixed == '0' then path = old end

local owner = call('HGET', webhooks, 'p:' .. path)
if owner and owner ~= name then return { 'taken', '' } end
-- Four fields each, and one for the paths that lead nowhere.
if not number and math.floor(call('HLEN', webhooks) / 4) >= webhooks_cap then return { 'full', '' } end

local about = table.concat({
  decimal((number or 0) + 1), created or decimal(now), decimal(now), path, choice == 'fixed' and 1 or 0, rate,
}, ' ')
call('HSET', webhooks, 'w:' .. name, about, 'd:' .. name, document, 'p:' .. path, name)
call('HSETNX', webhooks, 'r:' .. name, '0')
if old and old ~= path then call('HDEL', webhooks, 'p:' .. old) end
return { number and 'replaced' or 'created', path }
