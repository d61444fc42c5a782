"""How a worker is: what it says of itself in its heartbeat and to RQ's readers, and what probes and people read."""

import os
import time
from collections.abc import Sequence
from typing import Any

from corral.dispatch.presence import WorkerCounts
from corral_worker import STARTED
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.attempts.completer import Completer, FinishedAttempts
from corral_worker.child_processes.memory_watch import resident_bytes
from corral_worker.claiming.claim_loop import ClaimLoop
from corral_worker.claiming.slots import Slots
from corral_worker.lifecycle.heartbeat import HeartbeatReport, HeartbeatThread
from corral_worker.lifecycle.registration import Registration
from corral_worker.lifecycle.seal import Seal
from corral_worker.lifecycle.this_worker import ThisWorker
from corral_worker.own_process.loop_watchdog import LoopWatchdog

MAX_SHOWN = 200
"""Running jobs that are listed; a worker with thousands of slots shows the first ones."""


class WorkerStatus:
    """What a worker says of itself. Called from threads: it only reads."""

    def __init__(
        self,
        *,
        pool: str | None,
        attempts: HeldAttempts,
        finished: FinishedAttempts,
        completer: Completer,
        loop: ClaimLoop,
        slots: Slots,
        seal: Seal,
    ) -> None:
        self._pool = pool
        self._attempts, self._finished, self._completer = attempts, finished, completer
        self._loop, self._slots, self._seal = loop, slots, seal

    def report(self) -> HeartbeatReport:
        """What a heartbeat sends: the attempts that are held, counts for RQ's tools, and the status for the row in Postgres."""
        counts = WorkerCounts(
            running=len(self._attempts.held),
            succeeded=self._completer.succeeded,
            failed=self._completer.failed,
            seconds=self._completer.seconds,
        )
        return HeartbeatReport(held=list(self._attempts.held), counts=counts, status=self.shown())

    def shown(self) -> dict[str, Any]:
        """The status of the worker, as its row in Postgres and /health/workers show it.

        `memory_bytes` counts what is in memory of the worker and its child processes, 0 outside Linux; `cpu_seconds` the
        processor's time that it has used, of child processes once they have ended.
        """
        completer, slots = self._completer, self._slots
        running = list(self._attempts.held.values())[:MAX_SHOWN]
        slots.observe()
        return {
            "pool": self._pool,
            "sealed": self._seal.held,
            "claimed": self._loop.claimed,
            "succeeded": completer.succeeded,
            "failed": completer.failed,
            "held_results": self._finished.held,
            "holding": self._loop.holding,
            "uptime": round(time.monotonic() - STARTED, 1),
            "memory_bytes": resident_bytes(os.getpid()),
            "cpu_seconds": round(sum(os.times()[:4]), 1),
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


DEAF_SECONDS = 120.0
"""Seconds for which the event loop may not turn; after that the process counts as dead."""


class WorkerCondition:
    """Liveness and readiness of one worker, read from probe threads."""

    def __init__(
        self,
        worker: ThisWorker,
        *,
        registration: Registration,
        heartbeat: HeartbeatThread,
        loop: ClaimLoop,
        watchdog: LoopWatchdog,
        status: WorkerStatus,
        slots: Slots,
        seal: Seal,
        types: Sequence[str],
        period: float,
    ) -> None:
        self._worker = worker
        self._registration = registration
        self._heartbeat = heartbeat
        self._loop = loop
        self._watchdog = watchdog
        self._status, self._slots, self._types = status, slots, types
        self._seal = seal
        self._patience = 2 * period + 2

    @property
    def alive(self) -> bool:
        """Whether the process is alive: its heartbeat runs, and its event loop turns."""
        mute = self._heartbeat.started and not self._heartbeat.alive
        return not (mute or self._watchdog.silent_for > DEAF_SECONDS)

    @property
    def unready(self) -> str | None:
        """Why the pod is not ready; None where it is.

        Nothing but this: Kubernetes takes away first what is not ready, so that a worker with jobs is always ready,
        whatever Redis, Postgres or its event loop do, and a sealed one never.
        """
        if self._seal.held:
            return "sealed"
        if not self._registration.registered:
            return self._registration.waiting_for or "start"
        return None

    @property
    def missing(self) -> list[str]:
        """What the worker lacks to claim jobs, or why it does not."""
        if self._worker.stopping.is_set():
            return ["stop"]
        if self._registration.waiting_for is not None:
            return [self._registration.waiting_for]
        now, missing = time.monotonic(), []
        if now - self._heartbeat.postgres_at > self._patience:
            missing.append("postgres")
        if now - self._heartbeat.redis_at > self._patience:
            missing.append("redis")
        if self._loop.draining:
            missing.append("draining")
        if self._seal.held:
            missing.append("sealed")
        return missing

    def told(self) -> dict[str, Any]:
        """What probes ask: whether it lives, why it is not ready, and all that /health/workers shows."""
        return {"alive": self.alive, "unready": self.unready, "worker": self._shown()}

    def _shown(self) -> dict[str, Any]:
        missing, incarnation = self.missing, self._worker.incarnation
        return {
            "name": self._worker.name,
            "id": None if incarnation is None else str(incarnation),
            "state": "waiting" if missing else "ready",
            "missing": missing,
            "loop_silent_for": round(self._watchdog.silent_for, 1),
            "queues": sorted(self._slots.queues),
            "types": list(self._types),
            **self._status.shown(),
        }
