"""What a step does: node types, user functions, and the registry that names them.

May import `expressions`, `model` and `errors`; a node never sees Redis. `base.py` is the protocol
of a node type, `context.py` what a step sees, `registry.py` the table of types and functions,
`installed.py` the types of other packages, `schemas.py` configs as JSON Schema, and there is a file
for each built-in type. Read first: `base.py`.
"""
