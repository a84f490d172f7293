"""Values that are too large for Redis, in a store beside it: files, S3, or an application's own.

`store.py` says what a store does and how its keys are made, `files.py` and `s3.py` are stores,
`payloads.py` says which values go there, `environment.py` makes one from a URL. May import
`errors`, `defaults` and `model`; knows neither keys nor Redis. Read first: `store.py`.
"""
