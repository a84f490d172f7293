"""What a step does: node types, user functions, and the registry that names them.

May import `model` and `errors`; a node never sees Redis. `base.py` is the protocol of a node type,
`context.py` what a step sees, `registry.py` the table of both, and a file for each built-in type.
Read first: `base.py`.
"""
