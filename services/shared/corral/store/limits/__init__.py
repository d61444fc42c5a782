"""Limits and rates: their rows, who holds what of them, who waits, and what there is room for."""
