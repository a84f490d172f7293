"""Compares redflow with other task queues in one run; `python -m bench compare`.

The bench starts a Redis of its own, and for each peer a worker and a producer in processes of the
peer's own environment. Read first: command.py, workloads.py, peers/base.py, table.py.
"""
