"""The documents, as tests: every program in them runs."""
