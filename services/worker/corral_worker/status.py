"""What a worker says of itself: in its heartbeat's row, to RQ's readers, to probes."""

import time
from typing import Any

from corral.dispatch.presence import Counts
from corral_worker.attempts import Attempts
from corral_worker.claim_loop import Loop
from corral_worker.completer import Completions
from corral_worker.slots import Slots

MAX_SHOWN = 200
"""Running jobs that are listed; a worker with thousands of slots shows the first ones."""


def counts(attempts: Attempts, completions: Completions) -> Counts:
    """For RQ's readers."""
    return Counts(
        running=len(attempts.held),
        succeeded=completions.succeeded,
        failed=completions.failed,
        seconds=completions.seconds,
    )


def status(
    attempts: Attempts, completions: Completions, loop: Loop, slots: Slots, started: float
) -> dict[str, Any]:
    """For the row in Postgres and /health/workers. Called from threads: it only reads."""
    now = time.monotonic()
    running = list(attempts.held.values())[:MAX_SHOWN]
    slots.observe()
    return {
        "claimed": loop.claimed,
        "succeeded": completions.succeeded,
        "failed": completions.failed,
        "held_results": completions.held,
        "holding": loop.holding,
        "uptime": round(now - started, 1),
        "slots": {
            executor.value: {
                "size": size,
                "used": slots.used[executor],
                "abandoned": slots.abandoned[executor],
            }
            for executor, size in slots.sizes.items()
        },
        "abandoned": [str(one.claimed.id) for one in running if one.abandoned],
    }
