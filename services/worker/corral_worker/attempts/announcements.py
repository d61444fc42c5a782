"""What the worker tells Redis of its attempts, once Postgres has recorded it: states, jobs to be claimed again, due times."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.submissions.enqueuer import Enqueuer
from corral.dispatch import AnyEntry, Dispatch, LimitedEntry, entry_of
from corral.errors import CorralError
from corral.job.job import Claimed
from corral.job.lane import Lane, lane_of
from corral.job.state import State
from corral.store.attempts.recorded import Recorded, Verdict

log = structlog.get_logger(__name__)


class Announcements:
    """Tells Redis what Postgres has recorded of this worker's attempts. Belongs to the event loop."""

    def __init__(self, dispatch: Dispatch) -> None:
        self.enqueuer = Enqueuer(dispatch, _not_taken, front=True)
        """Enqueues jobs that were given back, before all others."""
        self.new = Enqueuer(dispatch)
        """Enqueues jobs that were stored with an outcome, behind those that wait."""
        self.withheld: set[UUID] = set()
        """Released jobs whose handlers still run here: the sweep hands them out when we are gone (rule 17)."""

    def claimed(self, jobs: Sequence[Claimed]) -> None:
        """Publish that these jobs run now."""
        self.enqueuer.changed(State.RUNNING, [job.id for job in jobs])

    def recorded(self, answers: Sequence[Recorded]) -> None:
        """Publish how these attempts ended, now that it is stored; enqueue what is to be tried again."""
        states: defaultdict[State, list[UUID]] = defaultdict(list)
        entries: list[AnyEntry] = []
        due: list[float] = []
        freed: Counter[str] = Counter()
        for one in answers:
            if one.verdict is Verdict.FENCED or one.state is None:
                continue
            states[one.state].append(one.id)
            freed.update(one.limits)
            if one.state is State.QUEUED and one.id not in self.withheld:
                assert one.queue is not None
                assert one.priority is not None
                lane = lane_of(one.queue, one.priority, suspect=one.suspect)
                entries.append(entry_of(lane, one.id, one.limit_group))
            elif one.state is State.SCHEDULED:
                due.append(one.due_in)
        for state, ids in states.items():
            self.enqueuer.changed(state, ids)
        if freed:
            self.enqueuer.free_soon(freed)
        if entries:
            self.enqueuer.enqueue_soon(entries)
        if due:
            self.enqueuer.due_soon(min(due))
        new = [one for answer in answers for one in (*answer.follow_ups, *answer.promoted)]
        if new:
            self.new.accepted(new)

    def put_back(self, jobs: Sequence[Claimed], lanes: Mapping[UUID, Lane]) -> None:
        """Have jobs join their groups again, each of a lane, that were put back, and say what of limits they gave back."""
        self.enqueuer.free_soon(Counter(name for job in jobs for name in job.limits))
        self.enqueuer.enqueue_soon(
            [
                LimitedEntry(lanes[job.limit_group], job.id, job.limit_group)
                for job in jobs
                if job.limit_group is not None
            ]
        )

    async def close(self) -> None:
        """Wait a moment for Redis to take what has not been sent yet."""
        await self.enqueuer.close()
        await self.new.close()


def _not_taken(entries: Sequence[AnyEntry], error: CorralError) -> None:
    if entries:
        metrics.REDIS_ERRORS.labels("enqueue").inc()
        log.warning("dispatch.left_to_sweep", jobs=len(entries), error=str(error))
    else:
        metrics.REDIS_ERRORS.labels("hint-due").inc()
