"""Runs steps: claims them over Redis Streams, runs them, records their outcomes.

May import `driver`, `store`, `nodes`, `model`; nothing above. One duty per file:
`claims.py` what this worker holds, `plans.py` compiled workflows made runnable, `attempts.py` one
step from claim to outcome, `inputs.py` what it starts with, `coroutines.py`, `threads.py` and
`processes.py` where it runs, `endings.py` how it ended and `conclusion.py` what that means for
Redis, `outbox.py` and `pump.py` the two calls in flight, `children.py` executions that steps start,
`resumes.py` what a step has waited for, `reader.py` the blocking read of an idle worker,
`heartbeat.py` and `renewal.py` leases, `control.py` what cannot wait for a heartbeat, `timers.py`
timers of its own, `sweeper.py` timers and lost leases of all, `retention.py` what is old,
`outage.py` and `recovery.py` when Redis is away, `worker.py` wires them.
Read first: `worker.py`, `attempts.py`.
"""
