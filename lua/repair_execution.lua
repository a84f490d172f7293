-- Mend what is damaged between executions and their indexes; where check_partition finds nothing, nothing is written.
-- Idempotent: a repeated call finds it mended. First write a no-op ZREM: works under OOM.
-- @include recover
-- @rows tokens token queue execution
-- @rows members member execution
-- @reply array [sentences: what was wrong and is mended, lost tokens `<execution> <step> <token>` that wait for a second call, orders, ended: MessagePack of [id, letter, plan, ms it took]]
-- @error PLAN a plan is not stored in this partition, or not declared with all its queues
-- @emits step.skipped step.cancelled workflow.completed workflow.failed workflow.cancelled compensation.triggered
local missing = load_plans() or load_executions()
if missing then return redis.error_reply(missing) end
for at = lost.first, lost.last, lost.width do
  attempt_of[concat(words, ' ', at, at + 2)] = tonumber(words[at + 3])
end
for i = 1, #executions do by_id[name_in(executions[i], 'execution')] = load_execution(executions[i]) end

-- Everything is read before anything is written: what cannot be read is an error here.
local broken, vanished, stray_tokens, stray_members = {}, {}, {}, {}
for i = 1, #executions do
  local execution = load_execution(executions[i])
  if execution then
    local before = #problems
    check_execution(execution)
    local seen = look_at(execution)
    if #problems > before and is_whole(execution, seen) then broken[#broken + 1] = { execution, seen } end
  elseif call('EXISTS', executions[i]) == 0 then
    vanished[#vanished + 1] = name_in(executions[i], 'execution')
  end
end
local function owner(position)
  return load_execution(executions[tonumber(position)])
end
for at = tokens.first, tokens.last, tokens.width do
  local before, key = #problems, ready[tonumber(words[at + 1])]
  check_token(words[at], key, owner(words[at + 2]))
  if #problems > before then stray_tokens[#stray_tokens + 1] = { words[at], key, problems[#problems] } end
end
for at = members.first, members.last, members.width do
  local before = #problems
  check_member(words[at], owner(words[at + 1]))
  if #problems > before then stray_members[#stray_members + 1] = { words[at], problems[#problems] } end
end

if #problems + #vanished > 0 then call('ZREM', timers, '') end
for _, stray in ipairs(stray_tokens) do
  call('XDEL', stray[2], stray[1])
  call('XACK', stray[2], GROUP, stray[1])
  mended[#mended + 1] = stray[3]
end
for _, stray in ipairs(stray_members) do
  call('ZREM', timers, stray[1])
  mended[#mended + 1] = stray[2]
end
for _, id in ipairs(vanished) do forget(id) end
for _, one in ipairs(broken) do mend(one[1], one[2]) end
flush_executions()
flush_journal('', 0)
return { mended, waiting, orders, mp_array(ended) }
