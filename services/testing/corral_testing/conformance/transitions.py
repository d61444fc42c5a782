"""The table of transitions happens as it stands, and nothing else does."""

import pytest

from corral.job.state import TRANSITIONS, Event, State, Transition
from corral_testing.subject import Subject
from corral_testing.walk import Walker, happenings

ELSEWHERE = {Event.SUBMITTED, Event.REPLACED, Event.KEY_FREE, Event.PARENTS_DONE, Event.PARENT_FAILED}
"""Submission and unique keys have tests of their own; nothing makes the events of flows yet."""
ROWS = [row for row in TRANSITIONS if row.event not in ELSEWHERE]
MOVES = {(row.before, row.event) for row in ROWS}
STILL = sorted({(state, event) for state in State for event in Event if event not in ELSEWHERE} - MOVES)


class Transitions:
    """The states of a job."""

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.before}-{row.event}-{row.after}")
    async def test_every_transition_of_the_table_happens(self, subject: Subject, row: Transition) -> None:
        assert row.before is not None
        stalls = 0 if row.event is Event.STALLED_OUT else 2
        walker = await Walker.at(row.before, subject, max_stalls=stalls)
        await happenings(walker)[row.event]()
        assert (await subject.job(walker.id)).state is row.after

    @pytest.mark.parametrize(("state", "event"), STILL, ids=str)
    async def test_nothing_else_moves_a_job(self, subject: Subject, state: State, event: Event) -> None:
        walker = await Walker.at(state, subject)
        before = await subject.job(walker.id)
        await happenings(walker)[event]()
        after = await subject.job(walker.id)
        assert (after.state, after.attempt, after.result) == (before.state, before.attempt, before.result)
