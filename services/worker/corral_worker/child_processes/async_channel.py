"""The channel of a handler that awaits: each call waits in a thread for its answer."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from corral.context import Statistics, SubmitOptions
from corral.context.feeds import FeedRecords
from corral.context.providers import ProviderCaller
from corral.context.webhooks import WebhookRecords
from corral_worker.child_processes.channel import Channel, carried
from corral_worker.child_processes.messages import CallAnswer

if TYPE_CHECKING:
    from corral.outgoing.client import OutgoingClient


class AsyncChannel:
    """A handler's link to the worker, for a coroutine that runs in the child."""

    cancelled = False

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.progress = channel.progress
        self.log = channel.log

    async def checkpoint(self, value: str) -> None:
        """Store a checkpoint, if the attempt still holds the job."""
        await self._call("checkpoint", value)

    async def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Store a new job."""
        answer: UUID = await self._call("submit", job_type, payload, options)
        return answer

    async def submit_many(self, job_type: str, payloads: Sequence[str], options: SubmitOptions) -> list[UUID]:
        """Store new jobs, all or none."""
        answer: list[UUID] = await self._call("submit_many", job_type, payloads, options)
        return answer

    async def then(self, job_type: str, payload: str, options: SubmitOptions, on: str) -> UUID:
        """Announce a job that is stored with the outcome."""
        answer: UUID = await self._call("then", job_type, payload, options, on)
        return answer

    async def begin_effect(self, name: str) -> tuple[UUID | None, str | None]:
        """Store that the attempt is about to do it, and answer a token; none where it is done, with its receipt."""
        answer: tuple[UUID | None, str | None] = await self._call("begin_effect", name)
        return answer

    async def end_effect(self, name: str, token: UUID, receipt: str | None) -> None:
        """Store that it is done."""
        await self._call("end_effect", name, token, receipt)

    async def withdraw_effect(self, name: str, token: UUID) -> None:
        """Take the begin back: it is certainly not done."""
        await self._call("withdraw_effect", name, token)

    async def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        """Store an artifact."""
        await self._call("put", name, media_type, carried(data))

    async def publish(self, name: str) -> None:
        """Make an artifact visible before the attempt ends."""
        await self._call("publish", name)

    async def get(self, name: str, job: UUID | None = None) -> bytes | None:
        """Read an artifact of this job, or of the one that is named."""
        answer: bytes | None = await self._call("get", name, job)
        return answer

    async def upload(self, upload: UUID) -> tuple[str, str, bytes] | None:
        """Read an upload."""
        answer: tuple[str, str, bytes] | None = await self._call("upload", upload)
        return answer

    async def take_budget(
        self,
        name: str,
        cost: float | None,
        key: str | None,
        timeout: float | None,  # noqa: ASYNC109
    ) -> float:
        """Take of a rate of calls; until when it may be used."""
        answer: float = await self._call("take_budget", name, cost, key, timeout)
        return answer

    async def hold_limit(self, limit: str, key: str | None, timeout: float | None) -> UUID | None:  # noqa: ASYNC109
        """Hold a slot of a limit; its lease, None where the attempt holds it already."""
        answer: UUID | None = await self._call("hold_limit", limit, key, timeout)
        return answer

    async def release_limit(self, lease: UUID) -> bool:
        """Give a slot back; whether it was held until now."""
        answer: bool = await self._call("release_limit", lease)
        return answer

    async def limit_lost(self, lease: UUID) -> bool:
        """Wait until a slot is lost or given back; whether it was lost."""
        answer: bool = await self._call("limit_lost", lease)
        return answer

    async def settle(self, name: str, actual: float, key: str | None) -> None:
        """Correct what was taken of a rate last."""
        await self._call("settle", name, actual, key)

    async def statistics(self) -> list[Statistics]:
        """Read the figures of every queue."""
        answer: list[Statistics] = await self._call("statistics")
        return answer

    @property
    def feeds(self) -> FeedRecords:
        """None of them in a child.

        Raises:
            RuntimeError: says so.
        """
        raise RuntimeError('ctx.feeds is there for handlers with executor="async"')

    @property
    def webhooks(self) -> WebhookRecords:
        """Not here: handlers of webhooks run on the worker's loop.

        Raises:
            RuntimeError: says so.
        """
        raise RuntimeError('ctx.webhooks is there for handlers with executor="async"')

    @property
    def outgoing(self) -> "OutgoingClient":
        """None in a child.

        Raises:
            RuntimeError: says so.
        """
        raise RuntimeError('ctx.outgoing is there for handlers with executor="async"')

    @property
    def providers(self) -> ProviderCaller:
        """None in a child.

        Raises:
            RuntimeError: says so.
        """
        raise RuntimeError('ctx.providers is there for handlers with executor="async"')

    async def _call(self, method: str, *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[CallAnswer] = loop.create_future()

        def settle(answer: CallAnswer) -> None:
            if not future.done():
                future.set_result(answer)

        def deliver(answer: CallAnswer) -> None:
            with contextlib.suppress(RuntimeError):  # the handler's loop is closed
                loop.call_soon_threadsafe(settle, answer)

        number = self._channel.ask(method, arguments, deliver)
        try:
            return (await future).unwrap()
        finally:
            self._channel.give_up(number)
