-- Tell one partition what new executions of a workflow run; an older revision changes nothing.
-- @key workflow hash the partition's copy: `plan version status revision`
-- @arg plan str plan hash of the latest version
-- @arg version int
-- @arg status str ACTIVE or INACTIVE
-- @arg revision int counts registrations
-- @reply str published · older
if tonumber(redis.call('HGET', workflow, 'revision') or '0') > revision then return 'older' end
redis.call('HSET', workflow, 'plan', plan, 'version', version, 'status', status, 'revision', revision)
return 'published'
