"""Benchmarks: `python -m bench` prints the gates; needs a Redis or starts a server of its own.

`compare/` is W1 to W6 beside other engines, `scale/` W7 to W11. `baseline.py` holds the figures of
`steady.py`, which no neighbour on the machine changes, beside those recorded in `baseline.json`.
"""
