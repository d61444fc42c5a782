"""Requests as they come: who sends them, what is read of them, how fast, and the layers that they pass."""
