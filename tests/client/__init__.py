"""The client in both colours: starting, waiting, reading, listing, and what each refuses."""
