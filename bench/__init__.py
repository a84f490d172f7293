"""Benchmarks: `python -m bench` prints the gates; needs a Redis or starts a server of its own."""
