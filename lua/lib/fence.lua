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

-- A token that was not pending and yet is this step's: its group was lost, its entry is consumed by now.
local function holds(execution, step, token, key)
  return execution and read(execution, 's' .. step) == 'q' .. token .. ',' .. name_in(key, 'ready')
end

-- A token that is gone: 3 execution purged, 2 this very outcome stands recorded, 0 the lease was lost.
local function replayed(execution, token, step)
  if not execution then return 3 end
  local record = read(execution, 's' .. step)
  local recorded = record and string.match(record, '^[CFX][^\n|]*,(%d+%-%d+)')
  return recorded == token and 2 or 0
end

local function claim_steps()
  local found = {}
  local watch = claims.last >= claims.first and call('ZCARD', stopping) > 1
  for at = claims.first, claims.last, claims.width do
    local queue = words[at]
    local reply = call('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', words[at + 1], 'STREAMS', ready[tonumber(queue)], '>')
    if reply and reply[1] then
      for _, entry in ipairs(reply[1][2]) do
        local text = entry[2][2]
        local drop = watch and call('ZSCORE', stopping, envelope_execution(text)) and '\1' or '\0'
        found[#found + 1] = '\148' .. mp_str(entry[1]) .. mp_uint(tonumber(queue)) .. drop .. text
      end
    end
  end
  return found
end
