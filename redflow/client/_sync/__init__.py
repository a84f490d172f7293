"""The synchronous client, generated from `_async/` beside it; only `waiting.py` is not.

May import redflow.driver and what is below it. Read `_async/client.py` first.
"""
