"""How it is asked of Redis: every question as a value, one function per Lua script, same name.

May import `model`, `errors` and `defaults`; knows no connection. `keys.py` names every key,
`script.py` reads the heads of Lua files, `op.py` is the question, `space.py` what all questions
share, `records.py` reads replies. `auditor.py` goes through all of a
partition, as questions for any driver; `fitness.py` judges a server by its INFO.
Read first: `op.py`, `steps.py`.
"""
