"""Schedules as they are declared, and as data."""
