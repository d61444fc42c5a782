"""`store.jobs`: everything about jobs but claiming and ending them."""

from corral.store.job_commands import Commands
from corral.store.job_insert import Submission
from corral.store.job_list import Pages
from corral.store.job_queries import Reading


class Jobs(Submission, Reading, Pages, Commands):
    """Insert, read, list, cancel, retry and run now."""
