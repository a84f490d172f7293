"""Encryption of what users pass through Redis: AES-256-GCM, each value bound to its place.

`keys.py` is the key ring and where keys come from, `envelope.py` the bytes of a sealed value,
`crypto.py` seals and opens, `values.py` says which value belongs where. May import `model` and
`errors`; knows neither Redis nor workers. Read first: `crypto.py`.
"""
