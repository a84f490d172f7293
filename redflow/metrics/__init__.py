"""The metrics, in a registry of their own; every label has few values.

`registry.py` is the first file to read: it names every metric. `tally.py` and `steps.py` count what
happens for every step, without locks; `counts.py` counts the rest. `slots.py` asks the workers of
this process, `load.py` shows what stands in Redis where something reads it. docs/metrics.md lists
all metrics, and a test compares it. May import prometheus-client, and the version of redflow alone.
"""

from redflow.metrics.load import OTHER
from redflow.metrics.registry import MOST_WORKFLOWS, Metrics, default_metrics
from redflow.metrics.steps import STEP_BUCKETS, StepTally

__all__ = ["MOST_WORKFLOWS", "OTHER", "STEP_BUCKETS", "Metrics", "StepTally", "default_metrics"]
