-- Take the lead of consumers of events, or keep it for another lease; a lease of 0 gives it back. Idempotent.
-- A term that was led by somebody else never comes again. First write a no-op HDEL: works under OOM.
-- @include clock
-- @key leaders hash of each consumer `<term> <until ms> <process>`
-- @arg process str
-- @arg lease int milliseconds
-- @rows asked name
-- @reply array the term of each consumer that this process leads, '' for the others
call('HDEL', leaders, '')
local terms = {}
for at = asked.first, asked.last do
  local record = call('HGET', leaders, words[at]) or '0 0 '
  local term, till, holder = string.match(record, '^(%d+) (%d+) (.*)$')
  local free = tonumber(till) <= now
  if holder ~= process and free and lease > 0 then
    term = decimal(math.max(tonumber(term) + 1, now))
    holder = process
  end
  if holder == process and (lease > 0 or not free) then
    call('HSET', leaders, words[at], term .. ' ' .. (lease > 0 and decimal(now + lease) or '0') .. ' ' .. process)
  end
  terms[#terms + 1] = holder == process and lease > 0 and term or ''
end
return terms
