"""The primary that sentinels name: asked for whenever a connection is made."""
