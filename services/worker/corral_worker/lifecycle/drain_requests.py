"""Scale-down requests to this worker, from the operator or `corral up`: to drain, to seal itself, to work again."""

import asyncio
from collections.abc import Callable

import structlog

from corral import metrics
from corral.dispatch import Dispatch
from corral.errors import Unavailable
from corral.scaling.drain_request import DrainRequest, Order, Unseal
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.claiming.claim_loop import ClaimLoop
from corral_worker.lifecycle.seal import Seal
from corral_worker.lifecycle.this_worker import ThisWorker

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
"""Seconds between two looks into Redis. The drain itself is a row in Postgres, which the heartbeat reads: this hurries it."""


class DrainRequestReader:
    """Reads the scale-down requests to this worker, and follows them. Belongs to the event loop."""

    def __init__(
        self,
        worker: ThisWorker,
        dispatch: Dispatch,
        *,
        loop: ClaimLoop,
        attempts: HeldAttempts,
        seal: Seal,
        hurry: Callable[[], None],
    ) -> None:
        self._name = worker.name
        self._dispatch = dispatch
        self._loop = loop
        self._attempts = attempts
        self._seal = seal
        self._hurry = hurry

    async def run(self) -> None:
        """Look again and again; without Redis nothing is asked, and a seal runs out by itself."""
        while True:
            try:
                await self._obey(await self._dispatch.drain_requests.of(self._name))
            except Unavailable:
                metrics.REDIS_ERRORS.labels("wish").inc()
            await asyncio.sleep(LOOK_SECONDS)

    async def _obey(self, order: Order | None) -> None:
        match order:
            case DrainRequest() if not self._loop.draining:
                self._hurry()
            case DrainRequest(nonce=str(nonce)) if self._empty():
                await self._answer(nonce)
            case Unseal():
                if self._seal.held:
                    log.info("worker.unsealed", worker=self._name)
                    self._seal.lift()
                    self._loop.stir()
                    self._hurry()
                elif self._loop.draining:
                    self._hurry()
            case _:
                pass

    def _empty(self) -> bool:
        """Whether the worker holds no attempt, and no claim is under way whose answer may bring one."""
        return not self._attempts.held and not self._loop.taking

    async def _answer(self, nonce: str) -> None:
        """Seal first, then say so: whoever hears it may rely on it for at least `SEAL_SECONDS`."""
        before = self._seal.held
        self._seal.keep()
        if not before:
            log.info("worker.sealed", worker=self._name)
            self._hurry()
        await self._dispatch.drain_requests.answer_seal(self._name, nonce)
        self._seal.keep()
