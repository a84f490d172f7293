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
        ("frontier", "execution.phase == 'r' or edge.finalizer", "execution.phase == 'r'"),
    "a failing execution starts steps":
        ("frontier", "if execution.phase == 'r' or edge.finalizer then", "if true then"),
    "the order for owed edges is lost":
        ("frontier", "order('f:' .. execution.id .. ':' .. item.step)", ""),
    "owed edges do not count as live":
        ("frontier", "execution.active = execution.active + 1\n  order", "order"),
    "a page of edges begins one too far":
        ("frontier", "item.from = position\n", "item.from = position + 1\n"),
    "the budget is never used up":
        ("frontier", "budget = budget - 1", ""),
    # execution
    "stopping is never left":
        ("execution", "call('ZREM', stopping, execution.id)", ""),
    "an ended execution stays live":
        ("execution", "call('ZREM', live, execution.id)", ""),
    "stop pages are not ordered":
        ("execution", "order('k:' .. execution.id .. ':1')", ""),
    "nobody is told of the end":
        ("execution", "ended_lines[#ended_lines + 1] = execution.id .. ' ' .. index.letter", ""),
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
        ("fence", "recorded == token and 2 or 0", "0"),
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
        ("promote_timers", "if token and undelivered(ready_of[queue], token) then", "if token then"),
    "stop pages end after the first":
        ("promote_timers", "if last < execution.plan.steps then order", "if false then order"),
    "another start with the same id wins":
        ("start_executions", "if first then return first end", ""),
    "inactive workflows start":
        ("start_executions", "if workflow.status ~= 'ACTIVE' then return 'inactive' end", ""),
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
}  # fmt: skip
