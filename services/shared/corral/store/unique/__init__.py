"""Unique jobs and their keys: taken by submissions, given back by the ends of jobs, taken again by retries."""
