"""Corral: background jobs for Python teams. Postgres holds the jobs; Redis says which ones to look at."""
