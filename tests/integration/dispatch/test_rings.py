"""Groups of limited jobs take turns; hints of what is full and what is free again."""

from collections.abc import Sequence
from uuid import UUID

from corral.dispatch import Dispatch
from corral.dispatch.rings import Empty, Full, Stay, Turn, TurnOutcome
from corral.job.lane import Lane
from corral.job.priority import Priority

EMAIL = Lane("email", Priority.NORMAL)
A, B, C = (UUID(int=number) for number in (1, 2, 3))


async def join(dispatch: Dispatch, *groups: UUID) -> int:
    return await dispatch.rings.join({(EMAIL, group): 1 for group in groups})


async def pop(dispatch: Dispatch, room: int = 8) -> Sequence[Turn]:
    return (await dispatch.lanes.pop("w", [EMAIL], room, wait=False)).turns


async def settle(dispatch: Dispatch, turn: Turn, verdict: Stay | Full | Empty, took: float = 0.0) -> None:
    await dispatch.rings.settle([TurnOutcome(turn, verdict, took)])


async def test_groups_share_the_room_of_a_pop(dispatch: Dispatch):
    assert await join(dispatch, A, B) == 2
    assert await join(dispatch, A) == 0
    assert {turn.group: turn.take for turn in await pop(dispatch, 9)} == {A: 4, B: 4}


async def test_groups_are_served_in_turn(dispatch: Dispatch):
    await join(dispatch, A, B, C)
    order = []
    for _ in range(6):
        (turn,) = await pop(dispatch, 1)
        await settle(dispatch, turn, Stay(), 1.0)
        order.append(turn.group)
    assert order == [A, B, C, A, B, C]


async def test_the_next_pop_tells_what_became_of_turns_before_it_pops(dispatch: Dispatch):
    await join(dispatch, A, B)
    (turn,) = await pop(dispatch, 1)
    settled = [TurnOutcome(turn, Stay(), 5.0)]
    (other,) = (await dispatch.lanes.pop("w", [EMAIL], 1, wait=False, settled=settled)).turns
    settled = [TurnOutcome(other, Empty())]
    (again,) = (await dispatch.lanes.pop("w", [EMAIL], 4, wait=False, settled=settled)).turns
    assert [turn.group, other.group, again.group] == [A, B, A]
    assert await dispatch.rings.unknown([(EMAIL, A), (EMAIL, B)]) == [(EMAIL, B)]


async def test_a_group_of_more_weight_has_more_turns(dispatch: Dispatch):
    await join(dispatch, A, B)
    order = []
    for _ in range(8):
        (turn,) = await pop(dispatch, 1)
        await settle(dispatch, turn, Stay(), 1 / 3 if turn.group == A else 1.0)
        order.append(turn.group)
    assert order.count(A) == 6


async def test_a_full_group_has_no_turn_until_something_is_given_back(dispatch: Dispatch):
    await join(dispatch, A)
    (turn,) = await pop(dispatch)
    await settle(dispatch, turn, Full("customer=acme inc"))
    assert await pop(dispatch) == []
    assert await join(dispatch, A) == 0, "it waits already"
    assert await dispatch.rings.full_names() == ["customer=acme inc"]
    assert await dispatch.rings.unknown([(EMAIL, A), (EMAIL, B)]) == [(EMAIL, B)]
    assert await dispatch.rings.free({"another": 1}) == 0
    assert await dispatch.rings.free({"customer=acme inc": 2}) == 1
    assert [one.group for one in await pop(dispatch)] == [A]


async def test_groups_that_wait_for_one_limit_are_let_in_in_turn(dispatch: Dispatch):
    """What a turn took counts although the limit was full after it: else the first one would be the next for ever."""
    await join(dispatch, A, B)
    for turn in await pop(dispatch):
        await settle(dispatch, turn, Full("one"))
    order = []
    for _ in range(6):
        assert await dispatch.rings.free({"one": 1}) == 1
        (turn,) = await pop(dispatch, 50)
        await settle(dispatch, turn, Full("one"), 1.0)
        order.append(turn.group)
    assert order == [A, B, A, B, A, B]


async def test_a_group_that_comes_in_has_its_turn_soon_and_passes_nobody_who_waits(dispatch: Dispatch):
    """While a group runs, and while all wait for a limit: its turn is where theirs are, not at the end of what they may take."""
    await join(dispatch, A)
    for _ in range(100):
        (turn,) = await pop(dispatch, 50)
        await settle(dispatch, turn, Stay(), 1.0)
    (turn,) = await pop(dispatch, 50)
    await join(dispatch, B)  # while a claim of A is under way
    await settle(dispatch, turn, Full("one"), 1.0)
    order = []
    for _ in range(6):
        (turn,) = await pop(dispatch, 50)
        await settle(dispatch, turn, Full("one"), 1.0)
        order.append(turn.group)
        await dispatch.rings.free({"one": 1})
    assert order in ([B, A, B, A, B, A], [B, B, A, B, A, B])


async def test_a_group_with_many_jobs_that_comes_in_passes_nobody_who_has_waited_for_a_limit(
    dispatch: Dispatch,
):
    await join(dispatch, A)
    for _ in range(100):
        (turn,) = await pop(dispatch, 50)
        await settle(dispatch, turn, Stay(), 1.0)
    (turn,) = await pop(dispatch, 50)
    await settle(dispatch, turn, Full("one"), 1.0)
    await join(dispatch, B)  # nobody is in the ring
    order = []
    for _ in range(6):
        (turn,) = await pop(dispatch, 50)
        order.append(turn.group)
        await settle(dispatch, turn, Full("one"), 1.0)
        await dispatch.rings.free({"one": 1})
    assert order.count(A) >= 2


async def test_as_many_groups_are_let_in_as_jobs_gave_back(dispatch: Dispatch):
    await join(dispatch, A, B, C)
    for turn in await pop(dispatch):
        await settle(dispatch, turn, Full("one"))
    assert await dispatch.rings.free({"one": 2}) == 2
    assert len(await pop(dispatch)) == 2


async def test_what_was_given_back_since_the_pop_keeps_a_group_in(dispatch: Dispatch):
    await join(dispatch, A)
    (turn,) = await pop(dispatch)
    await dispatch.rings.free({"one": 1})
    await settle(dispatch, turn, Full("one"))
    (turn,) = await pop(dispatch)
    await settle(dispatch, turn, Full("one"))
    assert await pop(dispatch) == [], "nothing was given back since"


async def test_an_empty_group_leaves_unless_a_job_joined_since_the_pop(dispatch: Dispatch):
    await join(dispatch, A)
    (turn,) = await pop(dispatch)
    await join(dispatch, A)
    await settle(dispatch, turn, Empty())
    (turn,) = await pop(dispatch)
    await settle(dispatch, turn, Empty())
    assert await pop(dispatch) == []
    assert await dispatch.rings.unknown([(EMAIL, A)]) == [(EMAIL, A)]


async def test_a_group_wakes_a_worker_and_is_passed_over_while_its_queue_is_paused(dispatch: Dispatch):
    found = await dispatch.lanes.pop("w", [EMAIL], 1, wait=True)
    assert found.waiting
    await join(dispatch, A)
    assert await dispatch.lanes.wait("w", 5)
    await dispatch.hints.pause(["email"], 60)
    assert await pop(dispatch) == []
    await dispatch.hints.unpause(["email"])
    assert [turn.group for turn in await pop(dispatch)] == [A]
