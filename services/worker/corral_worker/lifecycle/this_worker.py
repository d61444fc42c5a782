"""What the parts of one worker process share about it: its name, the incarnation it is, and whether it stops."""

import asyncio
from uuid import UUID

import structlog

from corral_worker.claiming.slots import Slots
from corral_worker.lifecycle import exit_code

log = structlog.get_logger(__name__)


class ThisWorker:
    """One worker process, as its parts know it. Belongs to the event loop; may be read from other threads."""

    def __init__(self, name: str, slots: Slots) -> None:
        self._slots = slots
        self.name = name
        self.incarnation: UUID | None = None
        """Its id in Postgres. None while it is registered under none: before the first time, and after a loss."""
        self.stopping = asyncio.Event()
        """Set when it is told to stop: from then on nothing is claimed."""
        self.at_once = asyncio.Event()
        """Set when it is told to stop a second time: from then on nothing is waited for."""
        self.webhooks = True
        """Whether there may be webhooks that are told how jobs end; each heartbeat hears it anew."""
        self.exit_code = 0
        """The exit code that the process will end with."""

    def stop(self, asked: str = "") -> None:
        """Have the worker stop; called again, at once. `asked` names for the log what asks for it."""
        if self.stopping.is_set():
            log.info("worker.stopping_at_once", worker=self.name, asked=asked)
            self.at_once.set()
        else:
            log.info("worker.stopping", worker=self.name, asked=asked)
            self.stopping.set()
        self._slots.freed.set()

    def stuck(self, why: str) -> None:
        """Have the worker end and be started again, because handlers that can't be stopped keep it from its work; `why` in words."""
        if not self.stopping.is_set():
            abandoned = {executor.value: count for executor, count in self._slots.abandoned.items() if count}
            log.critical("worker.stuck", why=why, abandoned=abandoned)
            self.restart()

    def restart(self) -> None:
        """Drain and end with a code that asks to be started again."""
        self.exit_code = exit_code.STUCK
        if not self.stopping.is_set():
            self.stop("itself")
