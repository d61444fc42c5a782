"""The outside world of a demo, as processes: each takes a folder, prints its port, and serves until it is ended."""
