"""What a worker knows of its own state: for probes of readiness, and for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """A worker at one moment; times are seconds."""

    ready: bool = False
    """It claims, its loop turns, and so does its blocking read. An outage of Redis is no reason
    against it: no worker could do better."""
    reader_age: float | None = None
    """Since the blocking read last came round; None until its first heartbeat was answered."""
    loop_age: float | None = None
    """Since the loop last came round; None before it starts."""
    missed_beats: int = 0
    """Heartbeats in a row that were not answered."""
    outage: float = 0.0
    """Since the first of those calls in a row that Redis did not answer; 0 when it answers."""
    renewals: int = 0
    """How often the connections of the blocking read were made anew by the watchdog."""
    fenced: int = 0
    """Outcomes that were refused because the lease was lost."""
    reclaimed: int = 0
    """Steps of silent workers that this one has moved."""
