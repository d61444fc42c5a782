"""Schedules: made and changed, registered from code, and the jobs that their ticks submit."""
