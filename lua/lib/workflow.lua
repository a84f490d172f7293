-- The partition's copy of published workflows: what a new execution runs, and whether it may.
-- @include partition
-- @keys workflows hash `plan version status revision paused` of each workflow
local known_workflows = {}

local function workflow_at(i)
  local workflow = known_workflows[i]
  if not workflow then
    local fields = call('HMGET', workflows[i], 'plan', 'version', 'status', 'paused')
    workflow = {
      name = name_in(workflows[i], 'workflow'), plan = fields[1], version = fields[2], status = fields[3],
      paused = fields[4] == '1',
    }
    known_workflows[i] = workflow
  end
  return workflow
end

-- Near maxmemory nothing new is taken in, so that there is room for what is under way; see list_due.
local function takes_in()
  return tonumber(call('HGET', sweeper, 'full') or '0') <= now
end

-- Why a workflow starts nothing with this plan: unknown, inactive, moved <plan>; nil when it does.
local function refusal(workflow, plan, pinned)
  if not workflow.plan then return 'unknown' end
  if workflow.status ~= 'ACTIVE' then return 'inactive' end
  if not pinned and workflow.plan ~= plan.hash then return 'moved ' .. workflow.plan end
end
