"""Cron: when a schedule's ticks come, and which of them start an execution.

Pure: now and random are arguments. Imports only croniter, zoneinfo and errors. Read `expression.py`
first, then `decision.py`; the worker's ticker and the clients' schedules are built on them.
"""
