"""Tests of redflow/nodes."""
