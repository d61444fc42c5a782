"""What became of popped ids, told to Redis: at once where jobs go back, together where they were claimed."""

import asyncio
from collections.abc import Sequence

import structlog

from corral import metrics
from corral.dispatch import Ack, Dispatch, Done
from corral.errors import Unavailable

log = structlog.get_logger(__name__)

TOGETHER_SECONDS = 0.05
"""How long answers wait for others. An unanswered id only waits to be forgotten: far less than the 15 s
after which the sweep asks what became of it."""


class Acks:
    """Tells Redis what became of popped ids, one call at a time. Belongs to the event loop."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._answers: list[Ack] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None

    async def add(self, answers: Sequence[Ack]) -> None:
        """Tell soon; returns when jobs that go back are back."""
        self._answers.extend(answers)
        if any(not isinstance(answer.verdict, Done) for answer in answers):
            await self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TOGETHER_SECONDS, self._start)

    async def flush(self) -> None:
        """Tell what there is to tell."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._sending is not None:
            await self._sending
        answers, self._answers = self._answers, []
        if answers:
            await self._send(answers)

    def _start(self) -> None:
        self._timer = None
        self._sending = asyncio.get_running_loop().create_task(self._send_all(self._sending))

    async def _send_all(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        answers, self._answers = self._answers, []
        await self._send(answers)

    async def _send(self, answers: Sequence[Ack]) -> None:
        try:
            await self._dispatch.lanes.ack(answers)
        except Unavailable as error:
            metrics.REDIS_ERRORS.labels("answer").inc()
            log.warning("dispatch.left_to_sweep", jobs=len(answers), error=str(error))
