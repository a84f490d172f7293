-- The permanent keys of one partition, and what is cut from the names of declared keys.
-- @include clock splice
-- @key events stream one entry a call: field `e` = MessagePack array of event records, `n` = records so far
-- @key done stream one entry a call that ended executions: field `e` = lines `<id> <status>`
-- @key timers zset due milliseconds of wake-ups, deadlines and orders
-- @key live zset unfinished executions by creation
-- @key stopping zset executions in phase failing or cancelling with live steps
-- @key completed zset completed executions by end
-- @key failed zset failed executions by end
-- @key cancelled zset cancelled executions by end
-- @key sweeper hash `records` ever emitted; `holder` `until` of the sweep lease; `tick` `hold` of the outage guard; `paused` queues, `note:<queue>`; `full` ms until which nothing is taken in; `epoch` and `server`, see bump_epoch
-- @keys ready stream one entry = one ready or running step; group `workers`
local GROUP = 'workers'
local base = #events - 6 -- length of the prefix that all keys of the partition share
local control = sub(events, 1, base) .. 'control' -- the channel on which workers are told

local function name_in(key, family)
  return sub(key, base + #family + 2)
end

local ready_of = {}
for i = 1, #ready do ready_of[name_in(ready[i], 'ready')] = ready[i] end
