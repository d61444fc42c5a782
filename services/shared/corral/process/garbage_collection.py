"""How often Python looks for cycles in processes that handle many small objects: publishers, workers and the leader."""

import gc

THRESHOLDS = (10_000, 20, 50)
"""Source: Python, gc.set_threshold; its own are (700, 10, 10)."""


def collect_less_often() -> None:
    """Leave out everything that is imported by now, and look for cycles less often; called once before the work begins.

    Requests and jobs leave few cycles behind. Looking after every 700 objects costs a bulk of submissions a third of its
    time, and a worker with batches a fifth.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
