-- Put values that were sealed again in the place of what they were; a field that changed meanwhile stays as it is.
-- Idempotent: what was replaced is no longer what it was.
-- @key record hash an execution, or the secrets of a namespace
-- @rows values field before after
-- @reply int how many were replaced
local call, replaced = redis.call, 0
for at = values.first, values.last, values.width do
  local field, before, after = unpack(words, at, at + 2)
  if call('HGET', record, field) == before then
    call('HSET', record, field, after)
    replaced = replaced + 1
  end
end
return replaced
