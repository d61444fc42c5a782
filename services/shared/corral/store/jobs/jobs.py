"""`store.jobs`: everything about jobs but claiming and ending them."""

from corral.store.jobs.commands import JobCommands
from corral.store.jobs.insert import JobInsert
from corral.store.jobs.list import JobLists
from corral.store.jobs.queries import JobQueries


class Jobs(JobInsert, JobQueries, JobLists, JobCommands):
    """Inserts, reads, lists, cancels and retries jobs, and has them run now."""
