-- Renew the leases of running steps; idempotent. A token that is not pending any more is lost.
-- @include partition
-- @arg consumer str worker id
-- @rows leases token queue execution
-- @reply array one word per lease: ok · lost (the result will be refused) · stop (the execution is stopping)
local watch = call('ZCARD', stopping) > 1
local by_queue = {}
for at = leases.first, leases.last, leases.width do
  local key = ready[tonumber(words[at + 1])]
  by_queue[key] = by_queue[key] or {}
  table.insert(by_queue[key], words[at])
end

local held = {}
for key, tokens in pairs(by_queue) do
  held[key] = {}
  tokens[#tokens + 1] = 'JUSTID'
  for _, id in ipairs(call('XCLAIM', key, GROUP, consumer, 0, unpack(tokens))) do held[key][id] = true end
end

local answers = {}
for at = leases.first, leases.last, leases.width do
  if not held[ready[tonumber(words[at + 1])]][words[at]] then
    answers[#answers + 1] = 'lost'
  elseif watch and call('ZSCORE', stopping, words[at + 2]) then
    answers[#answers + 1] = 'stop'
  else
    answers[#answers + 1] = 'ok'
  end
end
return answers
