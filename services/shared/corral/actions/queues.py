"""What a person does to queues: pause, resume, set, clean. Postgres first, then Redis is told."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.existing import existing
from corral.actions.submissions.type_cache import TypeCache
from corral.actions.types import check_limits_fit
from corral.catalog.precedence import LIMITS, NOTHING, OF_QUEUE, QueueOverrides, settle
from corral.dispatch import Dispatch
from corral.dispatch.event import QueueChanged
from corral.errors import FieldError, InvalidInput, Unavailable
from corral.job.state import State
from corral.store import Store
from corral.store.registry.queues import StoredQueue

log = structlog.get_logger(__name__)

PAUSE_HINT_SECONDS = 60.0
"""How long workers pass over a paused queue without being told again; the leader renews it."""
CLEAN_BATCH = 5_000
CLEAN_LIMIT = 100_000
"""Jobs that one call removes; the answer says whether more are left."""


class QueueActions:
    """Actions on queues. `actor` is who the audit names."""

    def __init__(self, store: Store, dispatch: Dispatch, types: TypeCache | None = None) -> None:
        self._store = store
        self._types = types or TypeCache(store)
        self._dispatch = dispatch

    async def get(self, name: str) -> StoredQueue:
        """The queue of that name.

        Raises:
            NotFound: there is none.
        """
        return existing(await self._store.queues.get(name), "queue", name)

    async def pause(self, name: str, actor: str) -> StoredQueue:
        """Pause a queue: once this returns no worker claims a job of it. Raises NotFound."""
        queue = await self._store.queues.pause(name, actor)
        try:
            await self._dispatch.hints.pause([name], PAUSE_HINT_SECONDS)
        except Unavailable as error:
            _not_told("pause", error)
        await self._dispatch.events.publish(QueueChanged(name))
        return queue

    async def resume(self, name: str, actor: str) -> StoredQueue:
        """Resume a paused queue: workers claim its jobs again. Raises NotFound."""
        queue = await self._store.queues.resume(name, actor)
        try:
            await self._dispatch.hints.unpause([name])
        except Unavailable as error:
            _not_told("resume", error)
        await self._dispatch.events.publish(QueueChanged(name))
        return queue

    async def set(
        self, name: str, actor: str, *, overrides: Mapping[str, Any], defaults: Mapping[str, Any]
    ) -> StoredQueue:
        """Set options in place of those of the job types, or where these say nothing; None takes one back.

        Raises:
            InvalidInput: an option can't be set for a queue.
            NotFound: there is no such queue.
        """
        known = f"can't be set for a queue; known: {', '.join(sorted(OF_QUEUE))}"
        said = (("overrides", overrides), ("defaults", defaults))
        wrong = [
            f"/{part}/{option}" for part, options in said for option in sorted(options.keys() - OF_QUEUE)
        ]
        if wrong:
            raise InvalidInput(*(FieldError(pointer, known) for pointer in wrong))
        await self._check_limits(name, dict(said))
        queue = await self._store.queues.patch(name, overrides, actor, defaults=defaults)
        await self._types.read()
        await self._dispatch.events.publish(QueueChanged(name))
        return queue

    async def _check_limits(self, name: str, said: Mapping[str, Mapping[str, Any]]) -> None:
        """Refuse limits that are not registered, or that do not fit every job type of the queue beside its own."""
        part = next((part for part, options in said.items() if options.get(LIMITS)), None)
        if part is None:
            return
        queue, pointer = await self.get(name), f"/{part}/{LIMITS}"
        now = {"overrides": queue.overrides, "defaults": queue.defaults}
        parts = {
            part: {option: value for option, value in {**now[part], **options}.items() if value is not None}
            for part, options in said.items()
        }
        changed = QueueOverrides(**parts, declared=queue.declared)
        await self._types.read()
        known_types = [one for one in (await self._types.all()).types.values() if name in one.by_queue]
        for known in known_types:
            settled = settle(known.record.options, changed, NOTHING, known.record.overrides)
            check_limits_fit(known, settled.options.limits, pointer)
        if not known_types:
            known_limits = {one.name for one in await self._store.limits.all()}
            for limit in said[part][LIMITS]:
                if limit not in known_limits:
                    raise InvalidInput(FieldError(pointer, f"there is no limit {limit[:100]!r}"))

    async def clean(
        self, name: str, states: Sequence[State], older_than: float, actor: str
    ) -> tuple[int, bool]:
        """Remove ended jobs, in batches: how many, and whether more are left. Raises NotFound."""
        removed: list[UUID] = []
        while len(removed) < CLEAN_LIMIT:
            batch = await self._store.queues.clean(name, states, older_than, actor, limit=CLEAN_BATCH)
            removed += batch
            if len(batch) < CLEAN_BATCH:
                break
        await self._dispatch.events.publish(QueueChanged(name))
        return len(removed), len(removed) >= CLEAN_LIMIT


def _not_told(action: str, error: Unavailable) -> None:
    """It is stored already: workers learn of it when they claim."""
    metrics.SWALLOWED.labels(f"action.{action}").inc()
    log.warning("action.not_hurried", action=action, error=str(error))
