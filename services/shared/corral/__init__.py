"""Corral: background jobs for Python teams. Postgres holds the jobs; Redis says which ones to look at."""

__version__ = "0.1.0"
