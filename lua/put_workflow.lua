-- Register a workflow: content equal to an earlier version answers that version, anything else becomes the next one.
-- Idempotent by content. The partitions hear of it by publish_workflow, later revisions win.
-- @key workflow hash `versions latest revision status about created updated`, `v<n>` plan hash, `h:<hash>` version, `d<n>` document
-- @key workflows zset workflow ids by registration
-- @key queues set names of all queues of the namespace
-- @include clock
-- @arg id str workflow id
-- @arg hash str content hash
-- @arg status str ACTIVE or INACTIVE
-- @arg about bin name, description, labels, metadata
-- @arg document bin the graph
-- @rows names name
-- @reply array version, latest version, revision, plan hash of the latest version
local version = tonumber(call('HGET', workflow, 'h:' .. hash) or '0')
call('HSETNX', workflow, 'created', now)
if version == 0 then
  version = call('HINCRBY', workflow, 'versions', 1)
  call('HSET', workflow, 'latest', version, 'v' .. version, hash, 'h:' .. hash, version)
end
call('HSET', workflow, 'd' .. version, document) -- names and `ui` may change without a new version
call('HSET', workflow, 'status', status, 'about', about, 'updated', now)
call('ZADD', workflows, 'NX', now, id)
call('SADD', queues, unpack(words, names.first, names.last))
local revision = call('HINCRBY', workflow, 'revision', 1)
local latest = call('HGET', workflow, 'latest')
return { version, tonumber(latest), revision, call('HGET', workflow, 'v' .. latest) }
