-- The compiled graph: read as needed, parsed once a call. Format: redflow/model/plan.py.
-- @include partition
-- @keys plans hash compiled workflows: `n`, `queues`, `finalizers`, `deadlines`, `undo`, `on_cancel`, `o<i>[:chunk]`, `in<i>`, `doc`, `version`
local CHUNK = 1000 -- edges in one field
local plan_of = {}

local function list_or_false(text)
  return text and text ~= '' and text or false
end

-- Load every declared plan; answers what is missing, before anything is written.
local function load_plans()
  for i = 1, #plans do
    local hash = name_in(plans[i], 'plan')
    local fields = call('HMGET', plans[i], 'n', 'queues', 'finalizers', 'deadlines', 'undo', 'on_cancel')
    if not fields[1] then return 'PLAN ' .. hash .. ' is not stored in this partition' end
    for queue in string.gmatch(fields[2], '%S+') do
      if not ready_of[queue] then return 'PLAN ' .. hash .. ' needs queue ' .. queue .. ', whose stream is not declared' end
    end
    plan_of[hash] = {
      key = plans[i], hash = hash, packed_hash = mp_str(hash),
      steps = tonumber(fields[1]), out = {}, needs = {},
      finalizers = list_or_false(fields[3]), deadlines = list_or_false(fields[4]), undo = list_or_false(fields[5]),
      abandons = fields[6] == 'a',
    }
  end
end

local function is_finalizer(plan, step)
  return plan.finalizers and string.find(plan.finalizers, ',' .. step .. ',', 1, true) ~= nil
end

-- Milliseconds a step may take from when it is first ready, or nil.
local function deadline_of(plan, step)
  return plan.deadlines and tonumber(string.match(plan.deadlines, ',' .. step .. ':(%d+),'))
end

-- The step that undoes a step, when it does (s started, c completed, a attempted), and its queue.
local function undo_of(plan, step)
  if not plan.undo then return nil end
  local undo, when, queue = string.match(plan.undo, ',' .. step .. ':(%d+):(%a):([^,]+),')
  return tonumber(undo), when, queue
end

local function parse_edge(text)
  local child, indegree, kind, queue, flags, need = string.match(text, '^(%d+),(%d+),(%a),([^,]*),(%a*),(%a)$')
  return {
    child = tonumber(child), indegree = tonumber(indegree), kind = kind, queue = queue, need = need,
    any = string.find(flags, 'j', 1, true) ~= nil, finalizer = string.find(flags, 'z', 1, true) ~= nil,
  }
end

local function load_chunk(plan, out, step, position)
  local chunk = floor((position - 1) / CHUNK)
  local text = call('HGET', plan.key, chunk == 0 and 'o' .. step or 'o' .. step .. ':' .. chunk)
  if chunk == 0 then
    local head, rest = string.match(text, '^([^\n]*)\n(.*)$')
    local count, handled = string.match(head, '^(%d+),(%d)$')
    out.count, out.handled, text = tonumber(count), handled == '1', rest
  end
  local at = chunk * CHUNK
  for edge in string.gmatch(text, '[^;]+') do
    at = at + 1
    out[at] = parse_edge(edge)
  end
end

-- Outgoing edges of a step: `count`, `handled` (has a failure edge), and [position] once asked for.
local function edges_of(plan, step)
  local out = plan.out[step]
  if not out then
    out = {}
    plan.out[step] = out
    load_chunk(plan, out, step, 1)
  end
  return out
end

local function edge_at(plan, out, step, position)
  if not out[position] then load_chunk(plan, out, step, position) end
  return out[position]
end

local function needs_of(plan, step)
  local needs = plan.needs[step]
  if not needs then
    needs = {}
    for field in string.gmatch(call('HGET', plan.key, 'in' .. step), '%S+') do needs[#needs + 1] = field end
    plan.needs[step] = needs
  end
  return needs
end
