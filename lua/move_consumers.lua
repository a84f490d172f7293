-- Write down how far consumers of events have come in one partition, unless somebody has led them since.
-- Idempotent. First write a no-op HDEL: works under OOM.
-- @key consumers hash of each consumer `<term> <entry> <record>`
-- @rows moves name term place
-- @reply array one word per consumer: ok · stale (a later term has written)
redis.call('HDEL', consumers, '')
local answers = {}
for at = moves.first, moves.last, moves.width do
  local known = string.match(redis.call('HGET', consumers, words[at]) or '0', '^%d+')
  local stale = tonumber(words[at + 1]) < tonumber(known)
  if not stale then redis.call('HSET', consumers, words[at], words[at + 1] .. ' ' .. words[at + 2]) end
  answers[#answers + 1] = stale and 'stale' or 'ok'
end
return answers
