"""How a worker is, for probes and people. Read from threads: it changes nothing."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from corral_worker.arrival import Arrival
from corral_worker.claim_loop import ClaimLoop
from corral_worker.heartbeat import HeartbeatThread
from corral_worker.loop_watchdog import LoopWatchdog
from corral_worker.seal import Seal

DEAF_SECONDS = 120.0
"""A loop that has not turned for so long is not worth keeping."""


class WorkerCondition:
    """One worker's."""

    def __init__(
        self,
        *,
        arrival: Arrival,
        heartbeat: HeartbeatThread,
        loop: ClaimLoop,
        watchdog: LoopWatchdog,
        seal: Seal,
        stopping: Callable[[], bool],
        period: float,
    ) -> None:
        self._arrival = arrival
        self._heartbeat = heartbeat
        self._loop = loop
        self._watchdog = watchdog
        self._seal = seal
        self._stopping = stopping
        self._patience = 2 * period + 2

    @property
    def alive(self) -> bool:
        """Whether the process is worth keeping."""
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
        if not self._arrival.registered:
            return self._arrival.waiting_for or "start"
        return None

    @property
    def missing(self) -> list[str]:
        """What keeps it from claiming."""
        if self._stopping():
            return ["stop"]
        if self._arrival.waiting_for is not None:
            return [self._arrival.waiting_for]
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

    def shown(self, name: str, worker: UUID | None) -> dict[str, Any]:
        """For /health/workers."""
        missing = self.missing
        return {
            "name": name,
            "id": None if worker is None else str(worker),
            "state": "waiting" if missing else "ready",
            "missing": missing,
            "loop_silent_for": round(self._watchdog.silent_for, 1),
        }
