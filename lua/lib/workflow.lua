-- The partition's copy of published workflows: what a new execution runs, and whether it may.
-- @include partition
-- @keys workflows hash `plan version status revision` of each workflow
local known_workflows = {}

local function workflow_at(i)
  local workflow = known_workflows[i]
  if not workflow then
    local fields = call('HMGET', workflows[i], 'plan', 'version', 'status')
    workflow = { name = name_in(workflows[i], 'workflow'), plan = fields[1], version = fields[2], status = fields[3] }
    known_workflows[i] = workflow
  end
  return workflow
end
