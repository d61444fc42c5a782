"""Schedules: seen, made, changed, paused, run and backfilled."""
