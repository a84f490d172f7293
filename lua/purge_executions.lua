-- Remove executions that ended before a time; idempotent, each is checked here.
-- A child stays while its parent has not ended: the parent reads how it ended.
-- @include partition
-- @keys executions hash
-- @arg completed_before int milliseconds
-- @arg others_before int milliseconds; failed and cancelled ones
-- @rows purges execution parent
-- @reply array one word per execution: purged · live · early · kept · gone
local index_of = { C = completed, F = failed, X = cancelled }

-- `parent` is a position in `executions`, 0 for none.
local function refused(key, parent)
  local state, ended = unpack(call('HMGET', key, 'state', 'ended'))
  if not state then
    for _, index in pairs(index_of) do call('ZREM', index, name_in(key, 'execution')) end -- a damaged entry
    return 'gone'
  end
  if not ended then return 'live' end
  local at, letter = string.match(ended, '^(%d+) (%a)$')
  if tonumber(at) >= (letter == 'C' and completed_before or others_before) then return 'early' end
  if parent > 0 and string.sub(call('HGET', executions[parent], 'state') or 'd', 1, 1) ~= 'd' then return 'kept' end
  return nil, letter
end

local answers = {}
for at = purges.first, purges.last, purges.width do
  local key = executions[tonumber(words[at])]
  local word, letter = refused(key, tonumber(words[at + 1]))
  if not word then
    local index = index_of[letter]
    call('ZREM', index, name_in(key, 'execution'))
    call('DEL', key)
  end
  answers[#answers + 1] = word or 'purged'
end
return answers
