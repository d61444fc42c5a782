"""The heartbeat: a thread with connections of its own, so that a handler that blocks the loop loses no lease.

Each beat says which attempts are held and hears what Postgres thinks of them (protocol rule 21).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from corral import metrics
from corral.dispatch.presence import Presence, WorkerCounts
from corral.errors import CorralError, Unavailable
from corral.store.workers.heartbeat import Beat, Heartbeat
from corral_worker.own_process.attribution import Held
from corral_worker.own_process.loop_watchdog import TICK_SECONDS

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HeartbeatReport:
    """What a heartbeat says of its worker."""

    held: list[Held]
    counts: WorkerCounts
    status: dict[str, object]


class HeartbeatThread:
    """The thread of the heartbeat, for the whole life of a worker process. `look` and `hear` are called in it."""

    def __init__(
        self,
        heartbeat: Callable[[UUID], Heartbeat],
        presence: Presence,
        look: Callable[[Heartbeat | None], None],
        *,
        period: float,
        report: Callable[[], HeartbeatReport],
        hear: Callable[[UUID, Beat], None],
    ) -> None:
        self._connect = heartbeat
        self._presence = presence
        self._look = look
        self._period = period
        self._report = report
        self._hear = hear
        self._worker: UUID | None = None
        self._closing = threading.Event()
        self._hurried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self.postgres_at = self.redis_at = 0.0
        """When the last beat got an answer, as a `time.monotonic()` reading."""

    def start(self, worker: UUID) -> None:
        """Begin to beat for this incarnation."""
        self._worker = worker
        self._thread.start()

    def become(self, worker: UUID) -> None:
        """Beat for another incarnation from the next beat on."""
        self._worker = worker

    def hurry(self) -> None:
        """Beat now: Postgres may have news. From any thread."""
        self._hurried.set()

    @property
    def started(self) -> bool:
        """Whether it was ever asked to beat."""
        return self._worker is not None

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop, and disappear from RQ's readers; until then it is `alive`."""
        self._closing.set()
        self._hurried.set()

    def _run(self) -> None:
        heartbeat: Heartbeat | None = None
        beating_for: UUID | None = None
        due = time.monotonic()
        while not self._closing.is_set():
            self._look(heartbeat)
            worker = self._worker
            hurried = self._hurried.is_set()
            self._hurried.clear()
            if (hurried or time.monotonic() >= due) and worker is not None:
                due = time.monotonic() + self._period
                if heartbeat is None or beating_for != worker:
                    if heartbeat is not None:
                        heartbeat.close()
                    heartbeat, beating_for = self._connect(worker), worker
                if not self._beat(heartbeat, worker):
                    due = min(due, time.monotonic() + 1.0)
            self._hurried.wait(TICK_SECONDS if self._period > 1 else min(TICK_SECONDS, self._period / 2))
        if heartbeat is not None:
            heartbeat.close()
        self._presence.leave()

    def _beat(self, heartbeat: Heartbeat, worker: UUID) -> bool:
        """Beat once to Postgres and once to Redis; whether Postgres answered."""
        report = self._report()
        heard = True
        try:
            beat = heartbeat.beat(report.held, report.status)
        except CorralError as error:
            heard = False
            metrics.HEARTBEATS_FAILED.inc()
            log.warning("heartbeat.failed", error=str(error))
        except Exception as error:  # a thread that ends takes the lease with it
            heard = False
            metrics.HEARTBEATS_FAILED.inc()
            log.exception("heartbeat.broken", error=repr(error))
        else:
            self.postgres_at = time.monotonic()
            self._hear(worker, beat)
        try:
            self._presence.beat(report.counts)
            self.redis_at = time.monotonic()
        except Unavailable as error:
            metrics.REDIS_ERRORS.labels("presence").inc()
            log.debug("presence.failed", error=str(error))
        except Exception as error:  # noqa: BLE001  # as above: RQ's own code runs here
            metrics.SWALLOWED.labels("presence").inc()
            log.warning("presence.broken", error=repr(error))
        return heard
