"""Attempts: jobs are claimed, and everything is written about an attempt until its outcome is, under the fence."""
