"""Corral's worker: claims jobs and runs them."""

import time

STARTED = time.monotonic()
"""When this process began to import the worker: start-up is told from here."""
