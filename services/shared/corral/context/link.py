"""How a context reaches the worker that runs its handler: awaited, or blocking."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypedDict
from uuid import UUID

from corral.context.feeds import FeedRecords
from corral.context.providers import ProviderCaller
from corral.context.webhooks import WebhookRecords
from corral.job.priority import Priority

if TYPE_CHECKING:  # its HTTP library is loaded where a request is sent
    from corral.outgoing.client import OutgoingClient

Data = bytes | str | Path
"""An artifact's content: bytes, text (stored as UTF-8) or a file."""


class UploadedFile(NamedTuple):
    """A file that somebody sent with POST /api/v1/uploads."""

    name: str
    media_type: str
    """Of its content, whatever its sender said."""
    data: bytes


Statistics = dict[str, str | int | float | None]
"""The figures of one queue, by name."""


class SharedOptions(TypedDict, total=False):
    """What every kind of submission may override. Times are seconds."""

    queue: str
    priority: Priority | str
    delay: float
    run_at: datetime
    retries: int
    timeout: float
    expires_in: float
    tags: list[str]


class ManyOptions(SharedOptions, total=False):
    """What a submission of many may override, for each of its jobs."""

    limits: list[str]
    """Names of limits, added to those of the job type and its queue."""


class SubmitOptions(ManyOptions, total=False):
    """What a submission may override."""

    unique_key: str
    """In place of the key that the type makes of the payload."""
    idempotency_key: str
    """Repeated attempts of the job that submit with this key get the id of the first job that it made."""


class FollowUpOptions(SharedOptions, total=False):
    """What a follow-up may override: as a submission. Times count from when it is stored."""

    unique_key: str
    """In place of the key that the type makes of the payload. A refused duplicate is logged, and changes no outcome."""


class LinkSignals(Protocol):
    """What a context does without waiting: ask for a cancel, keep progress and log lines."""

    @property
    def cancelled(self) -> bool:
        """Whether this attempt was told to stop."""

    def progress(self, percent: int, message: str | None) -> None:
        """Keep the newest progress for the next write."""

    def log(self, text: str, fields: dict[str, Any]) -> None:
        """Keep a log line for the next write."""


class ContextLink(LinkSignals, Protocol):
    """How a coroutine's context reaches the worker. Texts that hold values are JSON."""

    async def checkpoint(self, value: str) -> None:
        """Store the value, if the attempt still holds the job."""

    async def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Store a new job."""

    async def submit_many(self, job_type: str, payloads: Sequence[str], options: SubmitOptions) -> list[UUID]:
        """Store new jobs, all or none."""

    async def then(self, job_type: str, payload: str, options: SubmitOptions, on: str) -> UUID:
        """Announce a job that is stored with the attempt's outcome, where that is the one named."""

    async def begin_effect(self, name: str) -> tuple[UUID | None, str | None]:
        """Store that the attempt is about to do it, and answer a token; none where it is done, with its receipt."""

    async def end_effect(self, name: str, token: UUID, receipt: str | None) -> None:
        """Store that it is done."""

    async def withdraw_effect(self, name: str, token: UUID) -> None:
        """Take the begin back: it is certainly not done."""

    async def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        """Store an artifact of this attempt."""

    async def publish(self, name: str) -> None:
        """Make it visible before the attempt ends."""

    async def get(self, name: str, job: UUID | None = None) -> bytes | None:
        """Read a published artifact of this job, or of the one that is named."""

    async def upload(self, upload: UUID) -> tuple[str, str, bytes] | None:
        """Read an upload: its name, media type and content."""

    async def hold_limit(self, limit: str, key: str | None, timeout: float | None) -> UUID | None:  # noqa: ASYNC109
        """Hold a slot of a limit; its lease, None where the attempt holds it already."""

    async def release_limit(self, lease: UUID) -> bool:
        """Give a slot back; whether it was held until now."""

    async def limit_lost(self, lease: UUID) -> bool:
        """Wait until a slot is lost or given back; whether it was lost."""

    async def take_budget(
        self,
        name: str,
        cost: float | None,
        key: str | None,
        timeout: float | None,  # noqa: ASYNC109
    ) -> float:
        """Take of a rate of calls; the `time.monotonic()` reading of this machine until which it may be used."""

    async def settle(self, name: str, actual: float, key: str | None) -> None:
        """Correct what was taken of a rate last."""

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
        """The worker's client for addresses that users give."""

    @property
    def providers(self) -> ProviderCaller:
        """Sends requests to providers."""


class SyncContextLink(LinkSignals, Protocol):
    """The link of a context in threads and processes: every method blocks."""

    def checkpoint(self, value: str) -> None:
        """Store the value, if the attempt still holds the job."""

    def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Store a new job."""

    def submit_many(self, job_type: str, payloads: Sequence[str], options: SubmitOptions) -> list[UUID]:
        """Store new jobs, all or none."""

    def then(self, job_type: str, payload: str, options: SubmitOptions, on: str) -> UUID:
        """Announce a job that is stored with the attempt's outcome, where that is the one named."""

    def begin_effect(self, name: str) -> tuple[UUID | None, str | None]:
        """Store that the attempt is about to do it, and answer a token; none where it is done, with its receipt."""

    def end_effect(self, name: str, token: UUID, receipt: str | None) -> None:
        """Store that it is done."""

    def withdraw_effect(self, name: str, token: UUID) -> None:
        """Take the begin back: it is certainly not done."""

    def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        """Store an artifact of this attempt."""

    def publish(self, name: str) -> None:
        """Make it visible before the attempt ends."""

    def get(self, name: str, job: UUID | None = None) -> bytes | None:
        """Read a published artifact of this job, or of the one that is named."""

    def upload(self, upload: UUID) -> tuple[str, str, bytes] | None:
        """Read an upload: its name, media type and content."""

    def hold_limit(self, limit: str, key: str | None, timeout: float | None) -> UUID | None:
        """Hold a slot of a limit; its lease, None where the attempt holds it already."""

    def release_limit(self, lease: UUID) -> bool:
        """Give a slot back; whether it was held until now."""

    def take_budget(self, name: str, cost: float | None, key: str | None, timeout: float | None) -> float:
        """Take of a rate of calls; the `time.monotonic()` reading of this machine until which it may be used."""

    def settle(self, name: str, actual: float, key: str | None) -> None:
        """Correct what was taken of a rate last."""

    def statistics(self) -> list[Statistics]:
        """Read the figures of every queue."""
