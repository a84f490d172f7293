"""Many workers in one thread, one seeded scheduler, a virtual clock, and faults at every call."""
