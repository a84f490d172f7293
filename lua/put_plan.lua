-- Store a page of a compiled workflow; `n` comes with the last page, a plan without it is absent.
-- Idempotent: a complete plan is left as it is, its name is the hash of its content.
-- @key plan hash fields of redflow/model/plan.py
-- @rows fields field value
-- @reply str stored · dup
if redis.call('HEXISTS', plan, 'n') == 1 then return 'dup' end
redis.call('HSET', plan, unpack(words, fields.first, fields.last))
return 'stored'
