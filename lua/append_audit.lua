-- Record who did what and whether it was allowed; what was denied in no namespace leaves no key.
-- Idempotent: a call among the last ones is not recorded again.
-- @include clock
-- @key namespace hash `partitions schema`, `pause:<queue>` note of each paused queue, `*` for all
-- @key audit stream one entry per call that changes something
-- @arg id str of the call, made by the caller
-- @arg decision str allowed · denied
-- @arg fields bin what else is recorded, opaque
-- @arg audit_cap int records that are kept, about
-- @reply int 1 when it was recorded
if decision == 'denied' and call('EXISTS', namespace) == 0 then return 0 end
for _, entry in ipairs(call('XREVRANGE', audit, '+', '-', 'COUNT', 16)) do
  if entry[2][2] == id then return 0 end
end
call('XADD', audit, 'MAXLEN', '~', audit_cap, '*', 'id', id, 'at', decimal(now), 'decision', decision, 'fields', fields)
return 1
