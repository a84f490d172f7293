"""Events: what records mean, reading them, and the handlers that are called with them."""
