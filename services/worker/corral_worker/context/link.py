"""What the context of a handler reaches the worker with: one link for each attempt."""

import asyncio
import shlex
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from corral.context import Statistics, SubmitOptions
from corral.context.feeds import FeedRecords
from corral.context.providers import ProviderCaller
from corral.context.webhooks import WebhookRecords
from corral.errors import Conflict, NotFound, PerhapsDone, TooLarge
from corral.job.effect import IfPerhapsDone
from corral.job.follow_up import MAX_FOLLOW_UP_BYTES, MAX_FOLLOW_UPS, FollowsOn, FollowUp
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.updates import Updates
from corral_worker.context.limits import AttemptLimits
from corral_worker.context.offered_services import HandlerServices
from corral_worker.context.takes import AttemptTakes

if TYPE_CHECKING:  # as in corral.context.link
    from corral.outgoing.client import OutgoingClient

T = TypeVar("T")


@dataclass(slots=True)
class AttemptLink:
    """The link of one attempt to its worker. Made on the event loop; usable from threads, and from loops that they run."""

    execution: Execution
    updates: Updates
    services: HandlerServices
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    takes: AttemptTakes = field(init=False)
    limits: AttemptLimits = field(init=False)

    def __post_init__(self) -> None:
        self.takes = AttemptTakes(self.execution, self.services)
        self.limits = AttemptLimits(self.execution, self.services)

    @property
    def cancelled(self) -> bool:
        """Whether the attempt was told to stop, and with it all of its batch: the handler goes on for the others."""
        batch = self.execution.batch
        return self.execution.stop is not None and (batch is None or batch.stopped)

    def progress(self, percent: int, message: str | None) -> None:
        """Keep the newest progress; it is written soon, with that of others."""
        self.refuse_ended()
        self.updates.progress(self.execution, percent, message)

    def log(self, text: str, fields: dict[str, Any]) -> None:
        """Keep a line of the job's log; it is written soon, with others."""
        self.refuse_ended()
        self.updates.log(self.execution, text, fields)

    async def checkpoint(self, value: str) -> None:
        """Store a checkpoint, if the attempt still holds the job."""
        claimed = self.execution.claimed
        await self._on_loop(self.services.checkpoint(claimed.id, claimed.attempt, value))

    async def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Store a new job."""
        return await self._on_loop(
            self.services.submit(self.execution.claimed.id, job_type, payload, options)
        )

    async def submit_many(self, job_type: str, payloads: Sequence[str], options: SubmitOptions) -> list[UUID]:
        """Store new jobs, all or none."""
        return await self._on_loop(
            self.services.submit_many(self.execution.claimed.id, job_type, payloads, options)
        )

    async def then(self, job_type: str, payload: str, options: SubmitOptions, on: str) -> UUID:
        """Keep a job until the attempt's outcome is written."""
        return await self._on_loop(self._announce(job_type, payload, options, FollowsOn(on)))

    async def begin_effect(self, name: str) -> tuple[UUID | None, str | None]:
        """Store that the attempt is about to do it, and answer a token; none where it is done, with its receipt."""
        claimed = self.execution.claimed
        repeat = self.execution.declared.options.perhaps_done is IfPerhapsDone.REPEAT
        begun = await self._on_loop(
            self.services.begin_effect(claimed.id, claimed.attempt, name, repeat=repeat)
        )
        if begun.perhaps_done_by is not None:
            raise PerhapsDone(
                f"attempt {begun.perhaps_done_by} began {name!r} and left no end: it is perhaps done. Find out, then "
                f"run corral jobs settle {claimed.id} {shlex.quote(name)} with --done or --again, and retry the job"
            )
        return begun.token, begun.receipt

    async def end_effect(self, name: str, token: UUID, receipt: str | None) -> None:
        """Store that it is done."""
        claimed = self.execution.claimed
        await self._on_loop(self.services.end_effect(claimed.id, claimed.attempt, name, token, receipt))

    async def withdraw_effect(self, name: str, token: UUID) -> None:
        """Take the begin back: it is certainly not done."""
        claimed = self.execution.claimed
        await self._on_loop(self.services.withdraw_effect(claimed.id, claimed.attempt, name, token))

    async def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        """Store an artifact."""
        claimed = self.execution.claimed
        artifact = await self._on_loop(self.services.put(claimed.id, claimed.attempt, name, media_type, data))
        self.execution.artifacts[name] = artifact

    async def publish(self, name: str) -> None:
        """Make an artifact visible before the attempt ends."""
        claimed, artifact = self.execution.claimed, self.execution.artifacts.get(name)
        if artifact is None:
            raise NotFound("artifact of this attempt", name)
        await self._on_loop(self.services.publish(claimed.id, claimed.attempt, artifact))

    async def get(self, name: str, job: UUID | None = None) -> bytes | None:
        """Read an artifact of this job, or of the one that is named."""
        return await self._on_loop(self.services.get(job or self.execution.claimed.id, name))

    async def upload(self, upload: UUID) -> tuple[str, str, bytes] | None:
        """Read an upload."""
        return await self._on_loop(self.services.upload(upload))

    async def take_budget(
        self,
        name: str,
        cost: float | None,
        key: str | None,
        timeout: float | None,  # noqa: ASYNC109
    ) -> float:
        """Take of a rate of calls; until when it may be used."""
        return await self._on_loop(self.takes.take(name, cost, key, timeout))

    async def hold_limit(self, limit: str, key: str | None, timeout: float | None) -> UUID | None:  # noqa: ASYNC109
        """Hold a slot of a limit; its lease, None where the attempt holds it already."""
        return await self._on_loop(self.limits.hold(limit, key, timeout))

    async def release_limit(self, lease: UUID) -> bool:
        """Give a slot back; whether it was held until now."""
        return await self._on_loop(self.limits.release(lease))

    async def limit_lost(self, lease: UUID) -> bool:
        """Wait until a slot is lost or given back; whether it was lost."""
        return await self._on_loop(self.limits.lost(lease))

    async def settle(self, name: str, actual: float, key: str | None) -> None:
        """Correct what was taken of a rate last."""
        await self._on_loop(self.takes.settle(name, actual, key))

    async def statistics(self) -> list[Statistics]:
        """Read the figures of every queue."""
        return await self._on_loop(self.services.statistics())

    @property
    def feeds(self) -> FeedRecords:
        """Sources, items and imports of feeds."""
        self.refuse_ended()
        return self.services.feeds

    @property
    def webhooks(self) -> WebhookRecords:
        """Webhooks and deliveries."""
        self.refuse_ended()
        return self.services.webhooks

    @property
    def outgoing(self) -> "OutgoingClient":
        """The client for addresses that users give."""
        self.refuse_ended()
        return self.services.outgoing

    @property
    def providers(self) -> ProviderCaller:
        """Sends requests to providers."""
        self.refuse_ended()
        return self.services.providers(self.execution.claimed.id, self.execution.claimed.attempt)

    async def _announce(self, job_type: str, payload: str, options: SubmitOptions, on: FollowsOn) -> UUID:
        job = await self.services.prepare(self.execution.claimed.id, job_type, payload, options)
        self.refuse_ended()  # meanwhile the handler may have returned, and its outcome been decided
        kept = self.execution.follow_ups
        if len(kept) >= MAX_FOLLOW_UPS:
            raise Conflict(f"an attempt has at most {MAX_FOLLOW_UPS:,} follow-ups")
        size = sum(len(one.job.payload) for one in kept) + len(job.payload)
        if size > MAX_FOLLOW_UP_BYTES:
            raise TooLarge("the payloads of the follow-ups", size, MAX_FOLLOW_UP_BYTES)
        kept.append(FollowUp(on, job))
        return job.id

    def refuse_ended(self) -> None:
        """Refuse what a task or a thread says that the handler left behind.

        Raises:
            Conflict: the attempt has ended.
        """
        if self.execution.ending is not None:
            job, attempt = self.execution.claimed.id, self.execution.claimed.attempt
            raise Conflict(f"attempt {attempt} of job {job} has ended: its context can't be used any more")

    async def _on_loop(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The store's connections belong to the worker's loop; a handler may have others, in its threads."""
        try:
            self.refuse_ended()
        except Conflict:
            coroutine.close()
            raise
        if asyncio.get_running_loop() is self.loop:
            return await coroutine
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self.loop))
