-- What an audit looks at first in a partition, read-only: a page of each list that names what is unfinished.
-- @include partition
-- @arg worker str worker id; while another one sweeps nothing more than its id is answered
-- @arg limit int members and entries of each list
-- @reply array [who sweeps, sentinels that are missing, members of live, members of timers, for each ready stream its entries]
local holder = call('HGET', sweeper, 'holder') or ''
if holder ~= worker then return { holder } end

local missing = {}
local sentinels = {
  timers = timers, live = live, stopping = stopping, completed = completed, failed = failed, cancelled = cancelled,
}
for name, key in pairs(sentinels) do
  if not call('ZSCORE', key, '~') then missing[#missing + 1] = name end
end
local tokens = {}
for i = 1, #ready do tokens[i] = call('XRANGE', ready[i], '-', '+', 'COUNT', limit) end
return { holder, missing, call('ZRANGE', live, 0, limit - 1), call('ZRANGE', timers, 0, limit - 1), tokens }
