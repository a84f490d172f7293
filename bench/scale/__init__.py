"""W7 to W11: how the cost of a step changes with depth, size, history, processes, nodes, payload.

`command.py` is `python -m bench scale`; `running.py` is what the workloads share: a worker that is
fed so that a steady number of executions is under way, and what a step costs meanwhile.
"""
