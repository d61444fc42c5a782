"""Handlers in child processes: how a child is started, what runs in it, what crosses the connection, how it ends."""
