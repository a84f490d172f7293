"""One server: connections, the fence before the first question, scripts that it does not know."""
