"""Tests of redflow.secrets."""
