"""Submissions: from a request to run jobs to jobs that are stored and handed to Redis, many with one commit."""
