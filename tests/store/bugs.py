"""Faults to put into the scripts: what is wrong, the file, the sound text and the faulty one."""

# ruff: noqa: E501 - a table reads best in rows

BUGS: dict[str, tuple[str, str, str]] = {
    # frontier
    "a join does not count blocked edges":
        ("frontier", "elseif how == 'blocked' then count = count + BLOCKED end", "end"),
    "a join does not count taken edges":
        ("frontier", "if how == 'taken' then count = count + TAKEN", "if how == 'blocked' then count = count + BLOCKED"),
    "a join runs one edge early":
        ("frontier", "if count % TAKEN < edge.indegree then", "if count % TAKEN < edge.indegree - 1 then"),
    "any_outcome is forgotten":
        ("frontier", "(blocked == 0 or edge.any)", "blocked == 0"),
    "a skip does not spread":
        ("frontier", "stack[#stack + 1] = { step = edge.child", "local _ = { step = edge.child"),
    "a skipped step has no event":
        ("frontier", "emit(execution, 12, step, mp_str(mode))", ""),
    "labels are ignored":
        ("frontier", "if not_taken ~= '' and", "if false and"),
    "always follows a cancelled step":
        ("frontier", "(mode == 'c' or mode == 'f')", "(mode == 'c' or mode == 'f' or mode == 'x')"),
    "finalizers do not run while failing":
        ("frontier", "or (edge.finalizer and is_stopping(execution))", ""),
    "a failing execution starts steps":
        ("frontier", "if execution.phase == 'r' or (edge.finalizer and is_stopping(execution)) then", "if true then"),
    "the order for owed edges is lost":
        ("frontier", "order('f:' .. execution.id .. ':' .. item.step)", ""),
    "owed edges do not count as live":
        ("frontier", "execution.active = execution.active + 1\n  order", "order"),
    "a page of edges begins one too far":
        ("frontier", "item.from = position\n", "item.from = position + 1\n"),
    "the budget is never used up":
        ("frontier", "budget = budget - 1", ""),
    # the end of a call
    "stopping is never left":
        ("ending", "call('ZREM', stopping, execution.id)", ""),
    "an ended execution stays live":
        ("ending", "call('ZREM', live, execution.id)", ""),
    "stop pages are not ordered":
        ("ending", "order('k:' .. execution.id .. ':1')", ""),
    "nobody is told of the end":
        ("ending", "ended_lines[#ended_lines + 1] = execution.id .. ' ' .. index.letter", ""),
    # token
    "a failed parent gives its error as a value":
        ("token", "byte(record) ~= 67", "(byte(record) ~= 67 and byte(record) ~= 70)"),
    "values travel without limit":
        ("token", "if total > inline_total then return NIL end", ""),
    # stop
    "a later failure replaces the first":
        ("stop", "and execution.phase == 'r' then", "then"),
    "a failed step stays live":
        ("stop", "spread(execution, step, 1, 'f', '')\n  execution.active = execution.active - 1", "spread(execution, step, 1, 'f', '')"),
    # outcomes
    "a completed step stays live":
        ("outcome/completed", "execution.active = execution.active - 1", ""),
    "a large output goes into the record":
        ("outcome/completed", "body = '@'", "body = value"),
    "a retry does not count attempts":
        ("outcome/retry", "tonumber(attempt) + 1", "tonumber(attempt)"),
    "a release is charged":
        ("outcome/released", "reissue(execution, step, queue, tonumber(attempt),", "reissue(execution, step, queue, tonumber(attempt) + 1,"),
    # advance
    "tokens are not fenced":
        ("fence", "valid[at] = all or call('XACK', key, GROUP, list.tokens[i]) == 1", "valid[at] = true"),
    "a repeated outcome is called stale":
        ("fence", "stands_recorded(execution, step, token) and 2 or 0", "0"),
    "claims of stopping executions are not marked":
        ("fence", "and '\\1' or '\\0'", "and '\\0' or '\\0'"),
    "a retry goes on in a failing execution":
        ("advance", "and not may_run(execution, step)", "and false"),
    # leases, timers, starts
    "stop is not said":
        ("extend_leases", "answers[#answers + 1] = 'stop'", "answers[#answers + 1] = 'ok'"),
    "idleness is not checked again":
        ("reclaim_leases", "if #pending == 0 or pending[1][3] < lease then", "if #pending == 0 then"),
    "the outage guard is not asked":
        ("reclaim_leases", "answers[#answers + 1] = guarded and 'held'", "answers[#answers + 1] = false"),
    "a reclaimed step keeps its old token":
        ("reclaim_leases", "issue(execution, step, queue, sub(", "call('XADD', ready_of[queue], '*', 'e', sub("),
    "a lost lease is not counted":
        ("reclaim_leases", ".. char(deliveries) ..", ".. char(deliveries - 1) .."),
    "a timer fires early":
        ("promote_timers", "if not due or tonumber(due) > now then", "if not due then"),
    "an order is carried out twice":
        ("promote_timers", "write(execution, 'f' .. step, '')", ""),
    "a stop page takes claimed tokens":
        ("page", "if live.claimed then return end", ""),
    "stop pages end after the first":
        ("page", "if last < execution.plan.steps then order", "if false then order"),
    "another start with the same id wins":
        ("start_executions", "existing(key, workflow.name, digest) or (full", "(full"),
    "inactive workflows start":
        ("workflow", "if workflow.status ~= 'ACTIVE' then return 'inactive' end", ""),
    "a new epoch does not hold reclaims back":
        ("bump_epoch", "call('HSET', sweeper, 'hold', now + lease)", ""),
    "a new epoch is not told":
        ("bump_epoch", "emit(nobody, 30, nil, mp_uint(epoch))", ""),
    "a renamed history is a new epoch":
        ("bump_epoch", "run == run_before and earlier == ''", "false"),
    "a process that followed another went on":
        ("bump_epoch", " and earlier == ''", ""),
    "a sweep lease is not respected":
        ("list_due", "and now < tonumber(free_at) then return false end", "and false then return false end"),
    "a full server takes executions in":
        ("start_executions", "(full and 'full')", "(full and nil)"),
    "a full server reruns executions":
        ("rerun_execution", "if not takes_in() then return 'full' end", ""),
    "a server stays full for ever":
        ("workflow", "'full') or '0') <= now", "'full') or '0') == 0"),
    "a sweep does not say that there is room again":
        ("list_due", "call('HDEL', key, 'full')", "call('HGET', key, 'full')"),
    # time
    "a scheduled execution starts at once":
        ("begin", "if start.due > now then\n    schedule", "if false then\n    schedule"),
    "the timeout of an execution is forgotten":
        ("begin", "set_flag(execution, 'x')", ""),
    "a timeout outlives its execution":
        ("ending", "if has_flag(execution, 'x') then call", "if false then call"),
    "a settled step keeps its deadline":
        ("token", "if deadline_of(execution.plan, step) then call('ZREM'", "if false then call('ZREM'"),
    "a held step has no deadline":
        ("token", "if deadline then call('ZADD'", "if deadline and not is_paused(execution) then call('ZADD'"),
    "a step that slept is not told so":
        ("promote_timers", "live.tail == 's' and", "false and"),
    "a deadline ends a step that waits in line, and leaves it there":
        ("live", "leave_line(execution, live.head, step)", ""),
    "a page of edges of an execution that stops cancels its step":
        ("promote_timers", "write(execution, 'f' .. step, '')\n", "write(execution, 'f' .. step, '')\n  if is_stopping(execution) then return cancel_step(execution, step) end\n"),
    # signals
    "the last in line gets the signal":
        ("signals", "'%d+') do", "'%d+,$') do step = sub(step, 1, -2)"),
    "a signal goes to a step that will not run on":
        ("signals", "if may_run(execution, tonumber(step)) then return", "if true then return"),
    "an early signal is lost":
        ("outcome/waiting", "if early then", "if false then"),
    "an early signal is taken twice":
        ("signals", "write(execution, 'b:' .. name, head + 1 .. ' ' .. tail)", ""),
    "a signal is delivered twice":
        ("deliver_signal", "if read(execution, 'i:' .. id) then return 'dup' end", ""),
    "signals are kept without limit":
        ("deliver_signal", "(tonumber(read(execution, 'signals') or '0') or 0) >= signals_cap", "false"),
    "a signal leaves the timeout of its step":
        ("live", "if live.tail ~= '0' then remove_timer(execution, step) end", ""),
    "a retry is told what its last attempt waited for":
        ("outcome/retry", "if resume_of(execution, step) ~= NIL then", "if false then"),
    "a large signal travels":
        ("token", "return #resume > inline_value and ABSENT or resume", "return resume"),
    # children
    "the end of a child is not handed over":
        ("ending", "if has_flag(execution, 'k') then", "if false then"),
    "a child of a stopping parent runs on":
        ("page", "if live.kind == 'k' then return order('c:' .. live.head) end", "if live.kind == 'k' then return end"),
    "children nest without end":
        ("start_child", "if depth > depth_limit then return 'deep' end", ""),
    "a repeated start of a child is called stale":
        ("start_child", "if waits or stands_recorded(parent, step, token) then return 'dup' end", ""),
    # saga
    "an abandoned saga runs":
        ("saga", "or has_flag(execution, 'a') then", "then"),
    "compensations run in the order of settling":
        ("saga", "read(execution, 'o' .. left)", "read(execution, 'o' .. total - left + 1)"),
    "uncertain steps are not undone":
        ("saga", "(how == 'u' and when == 's')", "false"),
    "what failed by itself is undone":
        ("saga", "when == 'a' or (how", "(how == 'f' and when == 's') or when == 'a' or (how"),
    "a step that never ran is undone":
        ("live", "return live.claimed or", "return true or live.claimed or"),
    "a released step counts as never begun":
        ("outcome/released", "if undo_of(execution.plan, step) then write", "if false then write"),
    "a compensating execution stands in stopping":
        ("ending", "leave_stopping(execution)\n    execution.phase = 'u'", "execution.phase = 'u'"),
    "a cancelled execution ends failed":
        ("ending", "has_flag(execution, 'c') and 'cancelled' or 'failed'", "'failed'"),
    # pauses, skips, reruns
    "a paused execution starts steps":
        ("token", "if is_paused(execution) then return hold(execution, edge.child", "if false then return hold(execution, edge.child"),
    "a reclaimed step of a paused execution goes on":
        ("reclaim_leases", "if is_paused(execution) then", "if false then"),
    "a pause takes claimed tokens":
        ("page", "if live.kind ~= 'q' or live.claimed then return end", "if live.kind ~= 'q' then return end"),
    "resuming frees nothing":
        ("page", "is_paused(execution) and hold_page_step or free_page_step", "hold_page_step"),
    "a held finalizer is forgotten when its execution stops":
        ("page", "if live.kind == 'h' then reissue_live(execution, step, live) end -- a finalizer", "-- a finalizer"),
    "a paused queue is claimed from":
        ("fence", "if pauses == '' or is_open", "if true or is_open"),
    "a paused namespace is claimed from":
        ("fence", "not string.find(pauses, ',*,', 1, true) and", ""),
    "a workflow's pause does not reach new executions":
        ("begin", "if workflow.paused then set_flag", "if false then set_flag"),
    "a skipped step keeps its token":
        ("skip_step", "detach(execution, step, live)", ""),
    "a step that an operator skips is never undone":
        ("skip_step", "if how then remember_undo(execution, step, 'u') end", ""),
    "a rerun runs kept steps again":
        ("frontier", "if next_mode and has_flag(execution, 'y') and", "if false and"),
    "a rerun forgets what it has to undo":
        ("rerun_execution", "if count > 0 then write(execution, 'undo'", "if false then write(execution, 'undo'"),
    "a rerun takes the old edges":
        ("rerun_execution", "if byte(record) == 67 then", "if false then"),
    "a rerun of compensations forgets the cause":
        ("rerun_execution", "if string.find(old[4], 'X') then set_flag(execution, 'c') end", ""),
    "retention takes a child from its parent":
        ("purge_executions", "return 'kept' end", "return nil, letter end"),
}  # fmt: skip
