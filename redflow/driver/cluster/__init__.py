"""A Redis Cluster as one server: each question goes to the node that owns the slot of its keys."""
