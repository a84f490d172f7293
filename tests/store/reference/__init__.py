"""What the scripts must do to one partition, in plain Python, written from what workflows mean.

What can be derived is not kept: live steps, join counters, indexes and fields follow from the steps
(see rendering.py). The limits of one call are part of the meaning, so pages and orders agree too.
"""
