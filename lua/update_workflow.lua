-- Change which version new executions of a workflow run, or whether it accepts any; idempotent.
-- The partitions hear of it by publish_workflow, later revisions win.
-- @key workflow hash the registry's record
-- @include clock
-- @arg version int the latest from now on; 0 keeps it
-- @arg status str ACTIVE or INACTIVE; '' keeps it
-- @reply array version, latest version, revision, plan hash of the latest version, status; empty when there is no such workflow or version
local latest = call('HGET', workflow, 'latest')
if version > 0 then latest = tostring(version) end
local plan = latest and call('HGET', workflow, 'v' .. latest)
if not plan then return {} end

call('HSET', workflow, 'latest', latest, 'updated', now)
if status ~= '' then call('HSET', workflow, 'status', status) end
local revision = call('HINCRBY', workflow, 'revision', 1)
return { tonumber(latest), tonumber(latest), revision, plan, call('HGET', workflow, 'status') }
