"""Tests of the egress client; the only real connections are to servers on loopback."""
