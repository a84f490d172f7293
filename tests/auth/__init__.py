"""Tests of redflow/auth."""
