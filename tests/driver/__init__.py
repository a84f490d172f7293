"""Tests of the driver: its own rules on scripted connections, then fakeredis and real servers."""
