"""Schedules: their rows, those that are due, and the jobs of their ticks."""
