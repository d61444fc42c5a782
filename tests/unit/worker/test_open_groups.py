"""A worker asks by the short claim for a second at most, of groups alone whose limits had room for all."""

from uuid import UUID

import pytest
from tests.fixtures.claimed import claimed_job
from tests.fixtures.clock import Clock

from corral.dispatch import Budget, Popped
from corral.dispatch.rings import Turn
from corral.ids import new_id
from corral.job.job import Claimed
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.store.attempts.limit_claims import ClaimedGroups
from corral.store.attempts.open_claims import OpenTake
from corral_worker.claiming.open_groups import OpenGroups
from corral_worker.claiming.pop_ahead import fitting_turns

LANE, OTHER = Lane("email", Priority.NORMAL), Lane("reports", Priority.NORMAL)
A, B = UUID(int=1), UUID(int=2)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def groups(clock: Clock) -> OpenGroups:
    return OpenGroups(clock)


def _turn(group: UUID, take: int = 2, lane: Lane = LANE) -> Turn:
    return Turn(lane, group, take, "0", 0)


def _job(group: UUID, type: str = "one", limits: tuple[str, ...] = ("one",)) -> Claimed:
    return claimed_job(type=type, queue="email", payload="1", waited=0.0, limit_group=group, limits=limits)


def _whole(groups: OpenGroups, *jobs: Claimed, take: int = 2, seconds: float = 0.0) -> None:
    """A whole claim of group A took these."""
    answer = ClaimedGroups(list(jobs), {A: 3.0}, {A: 7.0} if jobs else {})
    groups.claimed_whole([_turn(A, take)], answer, {"together"}, seconds)
    groups.told([_turn(A, take)], {A: len(jobs)}, ())


def test_a_group_that_took_its_whole_turn_is_asked_by_the_short_claim_from_there(groups: OpenGroups) -> None:
    assert groups.takes([_turn(A)]) is None
    _whole(groups, _job(A), _job(A))
    assert groups.takes([_turn(A, 9)]) == {A: OpenTake(9, 7.0)}
    assert groups.weights([_turn(A)]) == {A: 3.0}
    assert groups.takes([_turn(A), _turn(B)]) is None, "of the other one nothing is known"
    groups.claimed({A: 8.0})
    assert groups.takes([_turn(A)]) == {A: OpenTake(2, 8.0)}


def test_a_group_is_claimed_of_whole_each_second(groups: OpenGroups, clock: Clock) -> None:
    _whole(groups, _job(A), _job(A))
    clock.now += 0.9
    assert groups.takes([_turn(A)]) is not None
    groups.claimed({A: 8.0})
    groups.told([_turn(A)], {A: 2}, ())
    clock.now += 0.2
    assert groups.takes([_turn(A)]) is None
    assert not groups.without_batches([_turn(A)])


def test_whole_claims_that_take_long_are_made_more_rarely(groups: OpenGroups, clock: Clock) -> None:
    _whole(groups, _job(A), _job(A), seconds=0.5)
    clock.now += 4.9
    assert groups.takes([_turn(A)]) is not None
    clock.now += 0.2
    assert groups.takes([_turn(A)]) is None


def test_a_group_that_took_less_is_asked_by_the_whole_claim_unless_it_is_empty(groups: OpenGroups) -> None:
    _whole(groups, _job(A))
    assert groups.takes([_turn(A)]) is None
    assert groups.without_batches([_turn(A)])
    groups.told([_turn(A)], {A: 1}, {A})
    assert groups.takes([_turn(A)]) is not None
    groups.told([_turn(A)], {}, ())
    assert groups.takes([_turn(A)]) is None
    assert not groups.without_batches([_turn(A)]), "a batch may be why"


def test_after_a_claim_beyond_the_slots_that_found_no_room_the_next_ones_are_for_free_slots(
    groups: OpenGroups, clock: Clock
) -> None:
    assert not groups.roomy([_turn(A)]), "nothing is known of it"
    _whole(groups, _job(A), _job(A))
    assert groups.roomy([_turn(A)])
    assert not groups.roomy([_turn(A), _turn(B)])
    for seconds in (2, 4, 8, 16, 32, 60, 60):
        groups.narrow({A})
        assert not groups.roomy([_turn(A)])
        assert groups.takes([_turn(A)]) is not None
        groups.told([_turn(A)], {}, ())
        for more, roomy in ((seconds - 0.1, False), (0.2, True)):
            clock.now += more
            _whole(groups, _job(A), _job(A))
            assert groups.roomy([_turn(A)]) is roomy
    groups.wide({A})
    groups.narrow({A})
    clock.now += 2.1
    _whole(groups, _job(A), _job(A))
    assert groups.roomy([_turn(A)]), "the last one had found room"


@pytest.mark.parametrize("job", [_job(A, type="together"), _job(A, limits=())])
def test_a_group_with_batches_is_asked_by_the_whole_claim(groups: OpenGroups, job: Claimed) -> None:
    _whole(groups, _job(A), job)
    assert groups.takes([_turn(A)]) is None
    assert not groups.without_batches([_turn(A)])


def test_a_turn_that_was_popped_beside_a_claim_takes_what_there_is_room_for() -> None:
    budgets = [Budget(frozenset({"email"}), 5), Budget(frozenset({"reports"}), 9)]
    popped = [Popped(LANE, new_id())]
    turns = [_turn(A, 3), _turn(B, 3), _turn(A, 9, OTHER)]
    fits, late = fitting_turns(turns, popped, budgets, 8)
    assert [turn.take for turn in fits] == [2, 2, 3], "of seven that are left each has a share"
    assert [turn.take for turn in fitting_turns(turns, popped, budgets, 16)[0]] == [3, 1, 7]
    assert late == []
    assert fitting_turns(turns, popped, budgets, 1) == ([], turns)
    assert fitting_turns(turns, (), (), 0) == ([], turns)
