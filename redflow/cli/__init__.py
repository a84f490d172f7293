"""The command line: parses, asks the public client or engine, prints.

May import every other package; the only one that imports click and rich. Nothing is decided here
that a program could not do with the same public calls. `main.py` is the entry, `tree.py` all
commands and every ending, `base.py` what they share, `failures.py` errors as text, JSON and exit
codes, `output.py` tables, lines and JSON; one file per command or noun; `serve.py` and
`supervisor.py` are `redflow worker start`. Modules that bring Redis, rich or prometheus_client
along are imported by the command that needs them, so that help and mistakes answer at once.
Read first: `tree.py`, `base.py`.
"""
