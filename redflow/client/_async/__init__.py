"""The asynchronous client, one duty per file; `_sync/` is generated from it.

May import redflow.driver and what is below it. Read `client.py` first. Only `waiting.py` is
written by hand for each: coroutines share one reader, threads block each for itself.
"""
