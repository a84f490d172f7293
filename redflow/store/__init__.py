"""How it is asked of Redis: every question as a value, one function per Lua script, same name.

May import `model`, `errors` and `defaults`; knows no connection. `keys.py` names every key,
`script.py` reads the heads of Lua files, `op.py` is the question, `space.py` what all questions
share, `records.py` reads replies. Read first: `op.py`, `steps.py`.
"""
