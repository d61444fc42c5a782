"""One leader, by observed silence; a frozen one writes nothing (protocol rule 25)."""

import pytest
from tests.fixtures.clock import Clock
from tests.integration.maintenance.conftest import Rename

from corral.errors import LeaseLost
from corral.maintenance.leadership import LeaderCandidate
from corral.store import Store


def candidate(store: Store, holder: str, clock: Clock) -> LeaderCandidate:
    return LeaderCandidate(store.leases, holder, silence_seconds=10.0, clock=clock)


async def test_the_first_candidate_leads_at_once_and_the_second_does_not(store: Store, clock: Clock):
    first, second = candidate(store, "a", clock), candidate(store, "b", clock)
    assert await first.look() is not None
    assert await second.look() is None


async def test_a_silent_leader_is_replaced_after_ten_seconds(store: Store, clock: Clock):
    await candidate(store, "a", clock).look()
    second = candidate(store, "b", clock)
    assert await second.look() is None
    clock.pass_by(9.9)
    assert await second.look() is None
    clock.pass_by(0.2)
    reign = await second.look()
    assert reign is not None
    assert reign.predecessor is not None
    assert (reign.predecessor.holder, reign.term.term) == ("a", 2)


async def test_a_leader_that_renews_is_never_replaced(store: Store, clock: Clock):
    reign = await candidate(store, "a", clock).look()
    assert reign is not None
    second = candidate(store, "b", clock)
    for _ in range(5):
        assert await second.look() is None
        clock.pass_by(9.0)
        reign.term = await store.leases.renew(reign.term)
    assert await second.look() is None


async def test_a_lease_that_was_given_up_is_taken_at_once(store: Store, clock: Clock):
    reign = await candidate(store, "a", clock).look()
    assert reign is not None
    await reign.give_up()
    assert await candidate(store, "b", clock).look() is not None


async def test_of_two_candidates_that_saw_the_same_silence_one_leads(store: Store, clock: Clock):
    await candidate(store, "a", clock).look()
    others = [candidate(store, name, clock) for name in ("b", "c")]
    for other in others:
        await other.look()
    clock.pass_by(11)
    assert sorted([await other.look() is not None for other in others]) == [False, True]


async def test_a_frozen_leader_that_wakes_up_can_write_nothing(store: Store, clock: Clock):
    frozen = await candidate(store, "a", clock).look()
    assert frozen is not None
    second = candidate(store, "b", clock)
    await second.look()
    clock.pass_by(11)
    assert await second.look() is not None
    with pytest.raises(LeaseLost):
        await frozen.keep(0.01, 10.0)
    with pytest.raises(LeaseLost):
        await store.duties.promote(frozen.term, 10)


async def test_a_leader_that_cannot_renew_steps_down_in_time(store: Store, clock: Clock, rename: Rename):
    reign = await candidate(store, "a", clock).look()
    assert reign is not None
    await rename("leases", "away")
    clock_ticks = reign._clock

    def jump() -> float:
        clock.pass_by(3.0)
        return clock_ticks()

    reign._clock = jump
    with pytest.raises(LeaseLost):
        await reign.keep(0.01, 10.0)
