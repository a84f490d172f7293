"""Tests of the pure model: examples, and properties at every door of bad input."""
