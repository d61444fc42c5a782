"""What a worker offers to handlers beyond their payload; `WorkerServices` is the real one."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from corral.actions.limits.call_budgets import BudgetTake
from corral.actions.limits.held import HeldLimit
from corral.context import Statistics, SubmitOptions
from corral.context.feeds import FeedRecords
from corral.context.providers import ProviderCaller
from corral.context.webhooks import WebhookRecords
from corral.job.effect import EffectBegin
from corral.job.job import NewJob

if TYPE_CHECKING:
    from corral.outgoing.client import OutgoingClient


class HandlerServices(Protocol):
    """What handlers may ask of the worker beside progress and log lines; every write is fenced by the attempt."""

    async def checkpoint(self, job: UUID, attempt: int, value: str) -> None:
        """Store a checkpoint, which the next attempt finds.

        Raises:
            Conflict: the attempt no longer holds the job.
        """

    async def submit(self, job: UUID, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Submit a job in the name of this one."""

    async def submit_many(
        self, job: UUID, job_type: str, payloads: Sequence[str], options: SubmitOptions
    ) -> list[UUID]:
        """Submit jobs in the name of this one, all or none."""

    async def prepare(self, job: UUID, job_type: str, payload: str, options: SubmitOptions) -> NewJob:
        """A job in the name of this one, checked and with its id, not stored."""

    async def begin_effect(self, job: UUID, attempt: int, name: str, *, repeat: bool) -> EffectBegin:
        """Store that the attempt is about to do something that must not be repeated.

        Raises:
            Conflict: the attempt no longer holds the job.
        """

    async def end_effect(self, job: UUID, attempt: int, name: str, token: UUID, receipt: str | None) -> None:
        """Store that it is done.

        Raises:
            Conflict: the attempt no longer holds the job.
        """

    async def withdraw_effect(self, job: UUID, attempt: int, name: str, token: UUID) -> None:
        """Take the begin back."""

    async def limit_names(self, limit: str, key: str | None) -> tuple[str, ...]:
        """What is taken of a limit: its total, its key, or both."""

    async def without_rates(self, names: Sequence[str]) -> list[str]:
        """Those of these names that stand for limits, and not for rates."""

    async def hold_limit(
        self,
        names: Sequence[str],
        job: UUID,
        attempt: int,
        timeout: float | None,  # noqa: ASYNC109
    ) -> HeldLimit:
        """Hold a slot of each of these."""

    async def release_limit(self, held: HeldLimit) -> bool:
        """Give a slot back; whether it was held until now."""

    async def take_budget(
        self,
        limit: str,
        cost: float | None,
        key: str | None,
        payload: str,
        timeout: float | None,  # noqa: ASYNC109
    ) -> BudgetTake:
        """Take of a rate of calls, for a job with this payload."""

    async def give_back_budget(self, take: BudgetTake) -> None:
        """Give back what was taken of a rate of calls for a call that would be late."""

    async def settle_budget(self, take: BudgetTake, actual: float) -> BudgetTake:
        """Correct what was taken of a rate of calls."""

    async def settle_claim(
        self, job: UUID, attempt: int, name: str, before: float | None, actual: float
    ) -> None:
        """Correct what the job took of a rate when it started; `before` is what was said of it last.

        Raises:
            Conflict: the attempt no longer holds the job.
        """

    async def put(self, job: UUID, attempt: int, name: str, media_type: str, data: bytes | Path) -> UUID:
        """Store an artifact, invisible until the attempt succeeds; its id."""

    async def publish(self, job: UUID, attempt: int, artifact: UUID) -> None:
        """Make an artifact visible now, before the attempt ends.

        Raises:
            Conflict: the attempt no longer holds the job.
        """

    async def get(self, job: UUID, name: str) -> bytes | None:
        """Read a visible artifact."""

    async def upload(self, upload: UUID) -> tuple[str, str, bytes] | None:
        """Read an upload: its name, media type and content."""

    async def statistics(self) -> list[Statistics]:
        """Read the figures of every queue."""

    @property
    def feeds(self) -> FeedRecords:
        """Sources, items and imports of feeds."""

    @property
    def webhooks(self) -> WebhookRecords:
        """Webhooks and deliveries."""

    @property
    def outgoing(self) -> "OutgoingClient":
        """The client for addresses that users give."""

    def providers(self, job: UUID, attempt: int) -> ProviderCaller:
        """Sends requests to providers for this attempt, as long as it holds its job."""
