"""`store.jobs`: everything about jobs but claiming and ending them."""

from corral.store.commands import Commands
from corral.store.page import Pages
from corral.store.reading import Reading
from corral.store.submission import Submission


class Jobs(Submission, Reading, Pages, Commands):
    """Insert, read, list, cancel, retry and run now."""
