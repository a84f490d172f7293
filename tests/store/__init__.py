"""The scripts against what they mean: a reference in Python, random runs, one file per script."""
