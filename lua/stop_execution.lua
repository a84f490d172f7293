-- Cancel or fail an execution from outside; what is ready ends page by page, what runs is told to stop.
-- Idempotent: the same request again answers dup. First write a no-op ZREM: works under OOM.
-- @include stop ending
-- @arg kind str c cancel · f fail
-- @arg body bin what is kept of the request: MessagePack {reason, by} of a cancel, `=` and the error of a failure
-- @reply array [word, orders, ended: MessagePack of [id, letter, plan, ms it took]]; word: ok · dup · late · gone
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits workflow.cancelling workflow.failing workflow.cancelled workflow.failed
local missing = load_plans() or load_executions()
if missing then return redis.error_reply(missing) end
call('ZREM', stopping, '')

local execution = load_execution(executions[1])
local word = 'gone'
if execution then
  word = stop_from_outside(execution, kind, body)
  execution.touched = word == 'ok'
end
flush_executions()
flush_journal('', 0)
return { word, orders, mp_array(ended) }
