"""Tests of payload stores, of what goes there, and of the way back."""
