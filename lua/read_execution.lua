-- One execution and a page of its steps as they stand, read-only.
-- @key execution hash
-- @keys ready stream streams of the plan's queues: a pending token says who runs a step
-- @arg from int first step of the page
-- @arg to int last step of the page; 0 for none
-- @reply array state, start, input, meta, error, failed step, ended, headers, begin, timeout, parent, cancelled, undo, paused, origin, rerun_as, then for each step that has a record: number, record, error of its last retry, large output, worker, milliseconds since its claim or last heartbeat
local call = redis.call
local fields = {
  'state', 'start', 'input', 'meta', 'error', 'failed_step', 'ended', 'headers',
  'begin', 'timeout', 'parent', 'cancelled', 'undo', 'paused', 'origin', 'rerun_as',
}
local answer = call('HMGET', execution, unpack(fields))
if not answer[1] then return {} end
-- Further pages repeat what is small; the input went with the first.
if answer[3] == '@' then answer[3] = '=' .. (from == 1 and call('HGET', execution, 'big:input') or '') end

local function holder(record)
  local token, queue = string.match(record, '^q(%S+),(%S+)$')
  for i = 1, token and #ready or 0 do
    if string.sub(ready[i], -#queue - 1) == ':' .. queue then
      -- Where the group is gone nobody holds a step, until a sweep has made it again.
      local pending = redis.pcall('XPENDING', ready[i], 'workers', token, token, 1)
      if #pending > 0 then return pending[1][2], pending[1][3] end
    end
  end
  return false, false
end

local names = {}
for step = from, to do names[#names + 1] = 's' .. step end
local records = #names > 0 and call('HMGET', execution, unpack(names)) or {}
for i, name in ipairs(names) do
  local record = records[i]
  if record then
    local step, at = from + i - 1, #answer
    answer[at + 1], answer[at + 2] = step, record
    answer[at + 3] = call('HGET', execution, 'e' .. step)
    answer[at + 4] = string.sub(record, -2) == '\n@' and call('HGET', execution, 'big:' .. name)
    answer[at + 5], answer[at + 6] = holder(record)
  end
end
return answer
