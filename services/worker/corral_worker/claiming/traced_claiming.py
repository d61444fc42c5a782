"""Claims that have spans: one for each trace of which a claim takes jobs."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from corral.dispatch import Ack, Popped
from corral.job.job import Claimed
from corral.tracing.activation import harmless, tracer
from corral.tracing.tracer import Operation
from corral_worker.claiming.claiming import Claimer, ClaimResult
from corral_worker.claiming.group_claiming import GroupClaimer, GroupClaimResult


class TracedClaimer(Claimer):
    """Claims popped ids, and makes the spans of it."""

    _began = 0

    async def take(self, *args: Any, **kwargs: Any) -> ClaimResult:
        """As without tracing."""
        self._began = time.time_ns()
        return await super().take(*args, **kwargs)

    def answers(
        self, popped: Sequence[Popped], taken: ClaimResult, returned: Sequence[Claimed] = ()
    ) -> list[Ack]:
        """As without tracing; what was put back has no span."""
        with harmless():
            _record((job for job in taken.claimed if job not in returned), self._began)
        return super().answers(popped, taken, returned)


class TracedGroupClaimer(GroupClaimer):
    """Claims jobs of groups, and makes the spans of it."""

    _began = 0

    async def take(self, *args: Any, **kwargs: Any) -> GroupClaimResult:
        """As without tracing."""
        self._began = time.time_ns()
        return await super().take(*args, **kwargs)

    def begun(self, taken: GroupClaimResult, returned: Sequence[Claimed]) -> None:
        """As without tracing; what was put back has no span."""
        with harmless():
            _record((job for job in taken.claimed if job not in returned), self._began)
        super().begun(taken, returned)


def _record(claimed: Iterable[Claimed], began: int) -> None:
    """Make the spans of jobs that were claimed since then."""
    making = tracer()
    if making is None:
        return
    together: defaultdict[tuple[str, str], list[Claimed]] = defaultdict(list)
    for job in claimed:
        if job.traceparent is not None:
            together[job.traceparent, job.queue].append(job)
    for (context, queue), jobs in together.items():
        attributes: dict[str, Any] = {"db.system.name": "postgresql"}
        if len(jobs) == 1:
            attributes["messaging.message.id"] = str(jobs[0].id)
        else:
            attributes["messaging.batch.message_count"] = len(jobs)
        making.operation(Operation.RECEIVE, queue, parent=context, attributes=attributes, at=began).end()
