"""The bounds of what a job may ask for."""

MAX_DELAY_SECONDS = 366 * 24 * 3600.0
"""A job may be scheduled at most a leap year ahead."""
MAX_TIMEOUT_SECONDS = 7 * 24 * 3600.0
"""One attempt may run a week."""
MAX_RETRIES = 1000
MAX_TAGS = 20
MAX_NAME = 100
"""Characters of a job type's name, a queue's name or a tag."""
MAX_DEPTH = 64
"""Nesting of a payload: deeper ones are refused before any recursive code sees them."""
MAX_BULK = 10_000
"""Jobs in one call."""
NAME_PATTERN = r"^[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?$"
"""Job types: lower-case words joined by dots, dashes or underscores."""
QUEUE_PATTERN = r"^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$"
"""Queues have no dot: it separates the queue from the priority in Redis."""
