"""What a worker says of itself: in its heartbeat's row, to RQ's readers, to probes."""

import time
from typing import Any

from corral.dispatch.presence import WorkerCounts
from corral_worker.attempts import HeldAttempts
from corral_worker.claim_loop import ClaimLoop
from corral_worker.completer import Completer
from corral_worker.slots import Slots

MAX_SHOWN = 200
"""Running jobs that are listed; a worker with thousands of slots shows the first ones."""


def counts(attempts: HeldAttempts, completer: Completer) -> WorkerCounts:
    """For RQ's readers."""
    return WorkerCounts(
        running=len(attempts.held),
        succeeded=completer.succeeded,
        failed=completer.failed,
        seconds=completer.seconds,
    )


def status(
    attempts: HeldAttempts, completer: Completer, loop: ClaimLoop, slots: Slots, started: float
) -> dict[str, Any]:
    """For the row in Postgres and /health/workers. Called from threads: it only reads."""
    now = time.monotonic()
    running = list(attempts.held.values())[:MAX_SHOWN]
    slots.observe()
    return {
        "claimed": loop.claimed,
        "succeeded": completer.succeeded,
        "failed": completer.failed,
        "held_results": completer.held,
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
