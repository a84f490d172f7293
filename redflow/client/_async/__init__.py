"""The asynchronous client, one duty per file; `_sync/` is generated from it.

May import redflow.driver and what is below it. Read `client.py` first, then `rooms.py`, which
makes the others. Only `waiting.py` and `single.py` are written by hand for each: coroutines share
one reader and one call, threads block each for itself.
"""
