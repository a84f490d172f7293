"""Real servers, networks and processes that go wrong on purpose; read servers.py first.

Nothing listens outside loopback; every server has a directory of its own and is ended by its pid.
"""
