"""Tests of redflow/worker."""
