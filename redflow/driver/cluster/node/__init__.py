"""One node of a cluster: what a single server does, and what slots on the move ask for."""
