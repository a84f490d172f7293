"""What a workflow means: pure values and rules, without network, waiting or Redis.

May import the standard library, msgspec, redflow.errors and redflow.defaults; no other part of
redflow. Time and randomness come in as arguments; only new ids read the clock themselves. Read
definition.py first (the fields), then graph.py (what makes them valid), outcome.py (what running a
node answers) and codec.py (user values to bytes and back).
"""
