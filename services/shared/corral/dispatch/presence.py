"""A worker as RQ's readers see it: `rq info`, rq-dashboard, RQ's commands and `rq suspend`.

The calls marked as untyped go to RQ, whose methods have no annotations.
"""

import os
import platform
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import Any, NoReturn
from uuid import UUID

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from rq.command import parse_payload
from rq.worker import WorkerStatus
from rq.worker.base import BaseWorker

from corral import metrics
from corral.dispatch import key_names
from corral.dispatch.connection import CONNECT_SECONDS, translated

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 1.5
"""Less than the heartbeat's period: a Redis that hangs must not cost a worker its lease in Postgres."""
BEATS_TO_LIVE = 6
"""A worker that missed so many beats disappears from the readers."""
RECONNECT_SECONDS = 1.0
HANG_UP_SECONDS = 0.05
"""Between two tries to end the thread that listens: it may have been connecting at the first one."""


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """What a worker did so far, and does now."""

    running: int
    succeeded: int
    failed: int
    seconds: float
    """Seconds that all attempts ran that have ended."""


class Presence(BaseWorker):
    """RQ's worker as a frame: registration, heartbeat hash, commands and suspension; it runs no job.

    Lives in the worker's heartbeat thread with a connection of its own, so that the event loop never
    waits for it. `on_stop` and `on_shutdown` are called from the thread that listens for commands.
    """

    pubsub_thread: Any

    def __init__(
        self,
        url: str,
        name: str,
        lanes: Sequence[str],
        *,
        period: float,
        on_stop: Callable[[UUID], None],
        on_shutdown: Callable[[], None],
    ) -> None:
        connection = Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS,
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )
        # Without `prepare_for_work` RQ asks Redis nothing here, so a worker starts while Redis is away.
        super().__init__(list(lanes), name=name, connection=connection, prepare_for_work=False)
        self.hostname, self.pid = socket.gethostname(), os.getpid()
        self.python_version = platform.python_version()
        self._ttl = max(10, round(BEATS_TO_LIVE * period))
        self._on_stop, self._on_shutdown = on_stop, on_shutdown
        self._closing = Event()

    def beat(self, counts: WorkerCounts) -> bool:
        """Show RQ's tools what the worker does; registers it first where Redis does not know it.

        Answers whether `rq suspend` is in force.

        Raises:
            Unavailable: Redis is away; the next beat makes up for it.
        """
        with translated():
            known, suspended = self._report(counts)
            if not known:
                self._register()
                _, suspended = self._report(counts)
            if self.pubsub_thread is None or not self.pubsub_thread.is_alive():
                self.subscribe()
        return suspended

    def leave(self) -> None:
        """Disappear from the readers and stop listening. Raises nothing: the entry expires anyway."""
        self._closing.set()
        try:
            with translated():
                self.register_death()  # type: ignore[no-untyped-call]
                self.unsubscribe()
        except Exception as error:  # noqa: BLE001 - a stopping worker has better things to do
            metrics.SWALLOWED.labels("presence.leave").inc()
            log.info("presence.leave_failed", worker=self.name, error=str(error))
        self.connection.close()

    def _report(self, counts: WorkerCounts) -> tuple[bool, bool]:
        """Write the heartbeat; answers whether Redis knows this worker, and whether it is suspended."""
        with self.connection.pipeline(transaction=False) as pipeline:
            pipeline.hexists(self.key, "birth")
            pipeline.sismember(self.redis_workers_keys, self.key)
            pipeline.exists(key_names.SUSPENDED)
            registered, listed, suspended = map(bool, pipeline.execute())
            if not (registered and listed):
                return False, suspended
            if suspended:
                state = WorkerStatus.SUSPENDED
            else:
                state = WorkerStatus.BUSY if counts.running else WorkerStatus.IDLE
            self.successful_job_count, self.failed_job_count = counts.succeeded, counts.failed
            self.total_working_time = counts.seconds
            self.heartbeat(self._ttl, pipeline=pipeline)
            self.set_state(state.value, pipeline=pipeline)
            pipeline.hset(
                self.key,
                mapping={
                    "successful_job_count": counts.succeeded,
                    "failed_job_count": counts.failed,
                    "total_working_time": counts.seconds,
                },
            )
            pipeline.execute()
        return True, suspended

    def _register(self) -> None:
        """RQ refuses a name that exists; ours may, left by Redis' last snapshot or by a half-done wipe."""
        self._set_ip_address(self.connection)
        self.connection.delete(self.key)
        self.register_birth()  # type: ignore[no-untyped-call]
        log.info("presence.registered", worker=self.name)

    def subscribe(self) -> None:
        """Listen for commands. Returns once the thread runs: one that is stopped before it does never ends."""
        super().subscribe()  # type: ignore[no-untyped-call]
        self.pubsub_thread._running.wait(ANSWER_SECONDS)  # noqa: SLF001  redis-py has no other sign

    def unsubscribe(self) -> None:
        """Stop listening. The thread that listens may wait a minute for its next message, so its socket is shut down.

        Nothing is sent, as RQ would: while Redis comes back the thread connects, too, and where two threads connect
        at once redis-py leaves one of their sockets open.
        """
        if self.pubsub_thread is None or self.pubsub is None:
            return
        self.pubsub_thread.stop()
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.pubsub_thread.is_alive() and time.monotonic() < deadline:
            _shut_down(self.pubsub)
            self.pubsub_thread.join(HANG_UP_SECONDS)
        if not self.pubsub_thread.is_alive():
            self.pubsub.close()  # one that still runs does it at its end

    def _set_connection(self, connection: Redis) -> Redis:
        """RQ would raise the timeout to minutes, for its own blocking pops."""
        return connection

    def _pubsub_exception_handler(self, exc: Exception, pubsub: PubSub, pubsub_thread: Any) -> None:  # noqa: ARG002
        """Keep listening, whatever happens: redis-py connects and subscribes again by itself."""
        if self._closing.is_set():
            pubsub_thread.stop()
            return
        metrics.REDIS_ERRORS.labels("commands").inc()
        log.warning("presence.commands_lost", worker=self.name, error=str(exc))
        self._closing.wait(RECONNECT_SECONDS)

    def handle_payload(self, message: dict[Any, Any]) -> None:
        """Follow one of RQ's commands. Each only hurries: the heartbeat's answer says the same."""
        try:
            payload = parse_payload(message)
            match payload["command"]:
                case "stop-job":
                    self._on_stop(UUID(payload["job_id"]))
                case "shutdown":
                    self._on_shutdown()
                case command:
                    log.warning("presence.unknown_command", worker=self.name, command=str(command)[:100])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            metrics.SWALLOWED.labels("presence.command").inc()
            log.warning("presence.bad_command", worker=self.name, error=repr(error))

    def work(self, *_args: object, **_options: object) -> NoReturn:
        """Refuse to run RQ's own loop."""
        raise NotImplementedError("Corral's worker has a loop of its own: python -m corral_worker")


def _shut_down(pubsub: PubSub) -> None:
    """End the read that another thread waits in; that thread closes the socket."""
    opened: socket.socket | None = getattr(pubsub.connection, "_sock", None)
    if opened is not None:
        with suppress(OSError):
            opened.shutdown(socket.SHUT_RDWR)
