"""The fake's `follow_ups`: jobs that handlers announced for an end."""

from dataclasses import replace
from uuid import UUID

from corral.job.follow_up import FollowsOn
from corral.job.state import State
from corral.store import StoredFollowUp
from corral.store.attempts.follow_ups import MAX_LISTED
from corral_testing.fake.memory import Memory

FOLLOWS_ON = {
    State.COMPLETED: {FollowsOn.SUCCESS, FollowsOn.END},
    State.FAILED: {FollowsOn.FAILURE, FollowsOn.END},
    State.CANCELLED: {FollowsOn.CANCELLED, FollowsOn.END},
    State.SCHEDULED: {FollowsOn.RETRY},
    State.QUEUED: set[FollowsOn](),
}
"""Which follow-ups an attempt that led to a state has."""


class FakeFollowUps:
    """See corral.store.attempts.follow_ups."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def of(self, job: UUID, limit: int = MAX_LISTED) -> list[StoredFollowUp]:
        """The follow-ups of a job."""
        found = [one for one in self._memory.follow_ups if one.job == job]
        return [
            replace(one, state=self._memory.jobs[one.follow_up].state)
            for one in sorted(found, key=lambda one: one.follow_up)
        ][:limit]
