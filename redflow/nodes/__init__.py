"""What a step does: node types, user functions, and the registry that names them.

May import `egress`, `secrets`, `expressions`, `model` and `errors`; a node never sees Redis.
`base.py` is the protocol of a node type, `context.py` what a step sees, `registry.py` the table of
types and functions, `installed.py` the types of other packages, `schemas.py` configs as JSON
Schema, and there is a file for each built-in type. `outgoing.py` is what those share that send
requests, with `targets.py`, `headers.py`, `auth.py`, `bodies.py` and `replies.py` for the parts of
one; `services.py` is what a worker lends them. Read first: `base.py`.
"""
