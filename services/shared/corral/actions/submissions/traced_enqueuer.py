"""An enqueuer whose calls to Redis have spans: one for each trace of which a call carries jobs."""

import itertools
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from corral.actions.submissions.enqueuer import MAX_BACKLOG, Enqueuer, submit_not_taken
from corral.dispatch import AnyEntry, Dispatch
from corral.errors import CorralError
from corral.tracing.activation import tracer


class TracedEnqueuer(Enqueuer):
    """Enqueues jobs that were submitted, and makes the spans of it."""

    def __init__(self, dispatch: Dispatch) -> None:
        super().__init__(dispatch, self._noted)
        self._contexts: dict[UUID, str] = {}
        """The trace contexts of jobs that Redis has not yet; of as many as are kept for it."""
        self._error: CorralError | None = None

    def expect(self, jobs: Mapping[UUID, str]) -> None:
        """Note the contexts of jobs that are about to be enqueued."""
        self._contexts.update(jobs)
        for job in [*itertools.islice(self._contexts, max(0, len(self._contexts) - MAX_BACKLOG))]:
            del self._contexts[job]

    async def enqueue(self, entries: Sequence[AnyEntry]) -> None:
        """As without tracing."""
        began, self._error = time.time_ns(), None
        await super().enqueue(entries)
        self._record(entries, began)

    def _record(self, entries: Sequence[AnyEntry], began: int) -> None:
        from corral.tracing.tracer import Operation, failed  # noqa: PLC0415  only with tracing

        making = tracer()
        found = [(one, self._contexts.pop(one.id, None)) for one in entries]
        counts = Counter((context, one.lane.queue) for one, context in found if context is not None)
        if making is None:
            return
        for (context, queue), count in counts.items():
            span = making.operation(
                Operation.DISPATCH,
                queue,
                parent=context,
                attributes={"messaging.batch.message_count": count, "db.system.name": "redis"},
                at=began,
            )
            if self._error is not None:
                failed(span, type(self._error).__qualname__, str(self._error))
            span.end()

    def _noted(self, entries: Sequence[AnyEntry], error: CorralError) -> None:
        self._error = error
        submit_not_taken(entries, error)
