-- Verify what must hold between the keys of a partition for a page of executions, read-only.
-- @include frontier check
-- @rows tokens token queue execution
-- @rows members member execution
-- @reply array one sentence per problem
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
local missing = load_plans() or load_executions()
if missing then return redis.error_reply(missing) end

for i = 1, #executions do
  local execution = load_execution(executions[i])
  if execution then check_execution(execution) end
end
for at = tokens.first, tokens.last, tokens.width do
  check_token(words[at], ready[tonumber(words[at + 1])], load_execution(executions[tonumber(words[at + 2])]))
end
for at = members.first, members.last, members.width do
  check_member(words[at], load_execution(executions[tonumber(words[at + 1])]))
end
return problems
