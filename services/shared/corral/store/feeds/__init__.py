"""Feeds: sources, their items, imports, which sources are due, and what is removed after its time."""
