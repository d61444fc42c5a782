"""`store.jobs`: everything about jobs but claiming and ending them."""

from corral.store.job_commands import JobCommands
from corral.store.job_insert import JobInsert
from corral.store.job_list import JobLists
from corral.store.job_queries import JobQueries


class Jobs(JobInsert, JobQueries, JobLists, JobCommands):
    """Inserts, reads, lists, cancels and retries jobs, and has them run now."""
