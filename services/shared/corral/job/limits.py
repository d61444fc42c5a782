"""The bounds of what a job may ask for."""

from corral.job.bounds import Bounds

MAX_DELAY_SECONDS = 366 * 24 * 3600.0
"""A job may be scheduled at most a leap year ahead."""
MAX_TIMEOUT_SECONDS = 7 * 24 * 3600.0
"""One attempt may run a week."""
MAX_RETRIES = 1000
MAX_SNOOZES = 100
"""In one life of a job that has no expiry."""
MAX_TAGS = 20
MAX_NAME = 100
"""Characters of a job type's name, a queue's name or a tag."""
MAX_SEARCH = 100
"""Payload fields that jobs of one type can be found by."""
MAX_FIELD = 200
"""Characters of the name of such a field."""
MAX_DEPTH = 64
"""Nesting of a payload: deeper ones are refused before any recursive code sees them."""
MAX_BULK = 10_000
"""Jobs in one call."""
MAX_KEPT_DAYS = 36_500
"""A hundred years: what shall stay for ever has no bound instead."""

DELAY = Bounds(0, MAX_DELAY_SECONDS, "seconds")
EXPIRES_IN = Bounds(0, MAX_DELAY_SECONDS, "seconds", above=True)
TIMEOUT = Bounds(0, MAX_TIMEOUT_SECONDS, "seconds", above=True)
RETRIES = Bounds(0, MAX_RETRIES, "tries", whole=True)
STALLS = Bounds(0, 100, "lost workers", whole=True)
KEPT_SECONDS = Bounds(0, MAX_KEPT_DAYS * 24 * 3600.0, "seconds")
"""How long ended jobs are kept, and how old they are that a person removes."""
KEPT_COUNT = Bounds(0, 1_000_000_000, "jobs", whole=True)
MEMORY = Bounds(32, 1_048_576, "MiB", whole=True)
"""What one attempt in a process may use; an empty Python with the worker's frame has some 30."""
BACKOFF_CAP = Bounds(0, MAX_DELAY_SECONDS, "seconds", above=True)
BACKOFF_FACTOR = Bounds(1, 100)
BACKOFF_JITTER = Bounds(0, 1)
MAX_WAITS = 1000
"""Waits in an exact backoff: one for each retry there may be."""
NAME_PATTERN = r"^[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?$"
"""Job types: lower-case words joined by dots, dashes or underscores."""
QUEUE_PATTERN = r"^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$"
"""Queues have no dot: it separates the queue from the priority in Redis."""
