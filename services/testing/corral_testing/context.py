"""The context of a handler without a worker: what the handler says is recorded in memory, for a test to look at.

ctx, recording = context(resize)
await resize(Resize(...), ctx)
assert recording.progress[-1] == (100, "done")

The context itself is the real one: it refuses what a worker's refuses.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from pydantic_core import from_json, to_json

from corral.catalog import JobType
from corral.context import Context, SyncContext
from corral.context.feeds import FeedRecords
from corral.context.link import Statistics, SubmitOptions
from corral.context.providers import ProviderCaller
from corral.context.webhooks import WebhookRecords
from corral.errors import BudgetExhausted, LimitTimeout
from corral.ids import new_id
from corral.job.job import Claimed
from corral.outgoing.client import OutgoingClient
from corral_testing.recording import Recording

__all__ = ["Recording", "claimed_of", "context", "sync_context"]

T = TypeVar("T")


def context(
    job_type: JobType[Any, Any],
    *,
    errors: int = 0,
    checkpointed: Any = None,
    artifacts: Mapping[str, bytes] | None = None,
    effects: Mapping[str, Any] | None = None,
    statistics: Sequence[Statistics] = (),
    feeds: FeedRecords | None = None,
    webhooks: WebhookRecords | None = None,
    outgoing: OutgoingClient | None = None,
    providers: ProviderCaller | None = None,
    claimed: Claimed | None = None,
) -> tuple[Context, Recording]:
    """A context for a coroutine, and what is recorded of it.

    Args:
        job_type: whose handler is tested.
        errors: how often the job has failed before.
        checkpointed: the JSON value that an earlier attempt left.
        artifacts: files that an earlier attempt published.
        effects: receipts of what an earlier attempt did with `once`, by name.
        statistics: Corral's figures, as the handler is to read them.
        feeds: sources, items and imports, for a handler of feeds.
        webhooks: webhooks and deliveries, for a handler that sends to them.
        outgoing: the client for addresses that users give; the test closes it.
        providers: what sends requests to providers.
        claimed: the job; by default one is made, with `errors` and `checkpointed`.
    """
    recording = _recording(artifacts, effects, statistics)
    recording.feeds, recording.webhooks, recording.outgoing = feeds, webhooks, outgoing
    recording.providers = providers
    return Context(
        claimed or claimed_of(job_type, errors, checkpointed), _AwaitedLink(recording), None
    ), recording


def sync_context(
    job_type: JobType[Any, Any],
    *,
    errors: int = 0,
    checkpointed: Any = None,
    artifacts: Mapping[str, bytes] | None = None,
    effects: Mapping[str, Any] | None = None,
    statistics: Sequence[Statistics] = (),
    claimed: Claimed | None = None,
) -> tuple[SyncContext, Recording]:
    """A context for a function that runs in a thread or a process; see `context`."""
    recording = _recording(artifacts, effects, statistics)
    claimed = claimed or claimed_of(job_type, errors, checkpointed)
    return SyncContext(claimed, _BlockingLink(recording), None), recording


def _recording(
    artifacts: Mapping[str, bytes] | None,
    effects: Mapping[str, Any] | None,
    statistics: Sequence[Statistics],
) -> Recording:
    given = dict(artifacts or {})
    return Recording(
        artifacts=given, published=set(given), effects=dict(effects or {}), statistics=statistics
    )


def claimed_of(job_type: JobType[Any, Any], errors: int = 0, checkpointed: Any = None) -> Claimed:
    """A job of the type as a worker claims it; its payload is given to the handler by the test."""
    options = job_type.options
    return Claimed(
        id=new_id(),
        type=job_type.name,
        queue=options.queue,
        attempt=errors + 1,
        payload="null",  # the handler is given its payload by the test
        errors=errors,
        retries=options.retries,
        timeout=options.timeout,
        suspect=False,
        checkpoint=None if checkpointed is None else to_json(checkpointed).decode(),
        traceparent=None,
        parent=None,
    )


class _RecordedSignals:
    """The part that never waits."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    @property
    def cancelled(self) -> bool:
        return self._recording.cancelled

    def progress(self, percent: int, message: str | None) -> None:
        self._recording.progress.append((percent, message))

    def log(self, text: str, fields: dict[str, Any]) -> None:
        self._recording.log.append((text, fields))


class _BlockingLink(_RecordedSignals):
    """Keeps what a handler in a thread or a process says."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self._by_key: dict[str, UUID] = {}

    def checkpoint(self, value: str) -> None:
        self._recording.checkpoints.append(from_json(value))

    def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        key = options.get("idempotency_key")
        if key is not None and key in self._by_key:
            return self._by_key[key]
        made = new_id()
        if key is not None:
            self._by_key[key] = made
        self._recording.submitted.append((job_type, from_json(payload), options))
        return made

    def submit_many(self, job_type: str, payloads: Sequence[str], options: SubmitOptions) -> list[UUID]:
        return [self.submit(job_type, payload, options) for payload in payloads]

    def then(self, job_type: str, payload: str, options: SubmitOptions, on: str) -> UUID:
        self._recording.follow_ups.append((on, job_type, from_json(payload), options))
        return new_id()

    def begin_effect(self, name: str) -> tuple[UUID | None, str | None]:
        if name in self._recording.effects:
            return None, to_json(self._recording.effects[name]).decode()
        return new_id(), None

    def end_effect(self, name: str, token: UUID, receipt: str | None) -> None:  # noqa: ARG002  there is one attempt
        self._recording.effects[name] = None if receipt is None else from_json(receipt)

    def withdraw_effect(self, name: str, token: UUID) -> None:  # noqa: ARG002  there is one attempt
        self._recording.withdrawn.append(name)

    def put(self, name: str, media_type: str, data: bytes | Path) -> None:  # noqa: ARG002  a test looks at the data
        self._recording.artifacts[name] = data.read_bytes() if isinstance(data, Path) else data

    def publish(self, name: str) -> None:
        self._recording.published.add(name)

    def get(self, name: str, job: UUID | None = None) -> bytes | None:
        if job is not None:
            return self._recording.others.get((job, name))
        return self._recording.artifacts[name] if name in self._recording.published else None

    def upload(self, upload: UUID) -> tuple[str, str, bytes] | None:
        return self._recording.uploads.get(upload)

    def take_budget(self, name: str, cost: float | None, key: str | None, timeout: float | None) -> float:
        if name in self._recording.exhausted:
            raise BudgetExhausted(f"the budget {name} did not come in time", after=timeout or 1.0, name=name)
        self._recording.budgets.append((name, cost, key))
        return math.inf

    def hold_limit(self, limit: str, key: str | None, timeout: float | None) -> UUID | None:  # noqa: ARG002
        if limit in self._recording.full:
            raise LimitTimeout
        self._recording.limits.append((limit, key))
        return new_id()

    def release_limit(self, lease: UUID) -> bool:  # noqa: ARG002
        return True

    def settle(self, name: str, actual: float, key: str | None) -> None:
        self._recording.settled.append((name, actual, key))

    def statistics(self) -> list[Statistics]:
        return list(self._recording.statistics)


class _AwaitedLink(_RecordedSignals):
    """The same for a coroutine."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self._link = _BlockingLink(recording)

    async def checkpoint(self, value: str) -> None:
        self._link.checkpoint(value)

    async def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        return self._link.submit(job_type, payload, options)

    async def submit_many(self, job_type: str, payloads: Sequence[str], options: SubmitOptions) -> list[UUID]:
        return self._link.submit_many(job_type, payloads, options)

    async def then(self, job_type: str, payload: str, options: SubmitOptions, on: str) -> UUID:
        return self._link.then(job_type, payload, options, on)

    async def begin_effect(self, name: str) -> tuple[UUID | None, str | None]:
        return self._link.begin_effect(name)

    async def end_effect(self, name: str, token: UUID, receipt: str | None) -> None:
        self._link.end_effect(name, token, receipt)

    async def withdraw_effect(self, name: str, token: UUID) -> None:
        self._link.withdraw_effect(name, token)

    async def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        self._link.put(name, media_type, data)

    async def publish(self, name: str) -> None:
        self._link.publish(name)

    async def get(self, name: str, job: UUID | None = None) -> bytes | None:
        return self._link.get(name, job)

    async def upload(self, upload: UUID) -> tuple[str, str, bytes] | None:
        return self._link.upload(upload)

    async def take_budget(
        self,
        name: str,
        cost: float | None,
        key: str | None,
        timeout: float | None,  # noqa: ASYNC109
    ) -> float:
        return self._link.take_budget(name, cost, key, timeout)

    async def hold_limit(self, limit: str, key: str | None, timeout: float | None) -> UUID | None:  # noqa: ASYNC109
        return self._link.hold_limit(limit, key, timeout)

    async def release_limit(self, lease: UUID) -> bool:
        return self._link.release_limit(lease)

    async def limit_lost(self, lease: UUID) -> bool:  # noqa: ARG002
        await asyncio.get_running_loop().create_future()
        return False

    async def settle(self, name: str, actual: float, key: str | None) -> None:
        self._link.settle(name, actual, key)

    async def statistics(self) -> list[Statistics]:
        return self._link.statistics()

    @property
    def feeds(self) -> FeedRecords:
        return _given("feeds", self._recording.feeds)

    @property
    def webhooks(self) -> WebhookRecords:
        return _given("webhooks", self._recording.webhooks)

    @property
    def outgoing(self) -> OutgoingClient:
        return _given("outgoing", self._recording.outgoing)

    @property
    def providers(self) -> ProviderCaller:
        return _given("providers", self._recording.providers)


def _given(name: str, value: T | None) -> T:
    if value is None:
        raise RuntimeError(f"the handler uses ctx.{name}: give it to context({name}=…)")
    return value
