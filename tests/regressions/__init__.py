"""Faults that other engines had, by name: each is a test here."""
