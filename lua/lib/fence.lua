-- The fence of `advance`: a token is consumed once, by whoever reports it first; and its claims.
-- @include token
-- @arg consumer str worker id; claimed entries are pending under it
-- @rows claims queue count
-- @rows outcomes token queue execution step kind meta value detail

local function list_tokens()
  local by_queue = {}
  for at = outcomes.first, outcomes.last, outcomes.width do
    local key = ready[tonumber(words[at + 1])]
    local list = by_queue[key]
    if not list then
      list = { tokens = {}, rows = {} }
      by_queue[key] = list
    end
    list.tokens[#list.tokens + 1] = words[at]
    list.rows[#list.rows + 1] = at
  end
  return by_queue
end

-- Consume the tokens of all outcomes; answers which rows held theirs.
local function consume_outcomes()
  local valid = {}
  for key, list in pairs(list_tokens()) do
    local all = call('XDEL', key, unpack(list.tokens)) == #list.tokens
    if all then call('XACK', key, GROUP, unpack(list.tokens)) end
    for i, at in ipairs(list.rows) do
      valid[at] = all or call('XACK', key, GROUP, list.tokens[i]) == 1
    end
  end
  return valid
end

-- A token that is gone: 3 execution purged, 2 this very outcome stands recorded, 0 the lease was lost.
local function replayed(execution, token, step)
  if not execution then return 3 end
  return stands_recorded(execution, step, token) and 2 or 0
end

local function is_open(pauses, key)
  return not string.find(pauses, ',*,', 1, true) and not string.find(pauses, ',' .. name_in(key, 'ready') .. ',', 1, true)
end

local function claim_queue(found, queue, count, watch)
  local reply = call('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', count, 'STREAMS', ready[tonumber(queue)], '>')
  for _, entry in ipairs(reply and reply[1] and reply[1][2] or {}) do
    local text = entry[2][2]
    local drop = watch and call('ZSCORE', stopping, envelope_execution(text)) and '\1' or '\0'
    found[#found + 1] = '\148' .. mp_str(entry[1]) .. mp_uint(tonumber(queue)) .. drop .. text
  end
end

local function claim_steps()
  local found = {}
  if claims.last < claims.first then return found end
  local watch, pauses = call('ZCARD', stopping) > 1, call('HGET', sweeper, 'paused') or ''
  for at = claims.first, claims.last, claims.width do
    local queue = words[at]
    if pauses == '' or is_open(pauses, ready[tonumber(queue)]) then
      claim_queue(found, queue, words[at + 1], watch)
    end
  end
  return found
end
