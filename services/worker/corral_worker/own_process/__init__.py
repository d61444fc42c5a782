"""Handlers in the worker's own process: the event loop that they share with it, its threads, and what they can't do to it."""
