"""Whatever is asked of a pool, no job is interrupted, and what is asked for comes about."""

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.operator.conftest import Hand, World

COUNTS = st.integers(0, 8)


@given(
    ends=st.lists(st.lists(st.floats(0, 60), max_size=3), max_size=8),
    orders=st.lists(
        st.tuples(COUNTS, st.sampled_from(["", "", "", "lost", "rolling"]), st.integers(1, 12)),
        min_size=1,
        max_size=8,
    ),
    arrivals=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 7), st.floats(1, 40)), max_size=20),
)
def test_no_job_is_interrupted_whatever_is_asked(ends, orders, arrivals):
    """Workers get new jobs while they may claim; the law asks for anything; nobody with a job is taken."""
    world = World([Hand(f"w{n}", [100 + end for end in jobs]) for n, jobs in enumerate(ends)])
    second = 0
    for desired, how, length in orders:
        for _ in range(length):
            before = world.replicas
            done = world.second(desired, **({how: True} if how else {}))
            # Sealed and drained workers claim nothing; the others do.
            free = [
                one
                for one in world.hands.values()
                if one.alive(world.now) and one.name not in done.leaving.requests
            ]
            for at, which, seconds in arrivals:
                if at == second and free:
                    free[which % len(free)].ends.append(world.now + seconds)
            second += 1
            if how:
                assert world.replicas >= before
                assert not done.leaving.victims
            assert world.replicas >= min(before, desired)
            assert world.replicas <= max(before, desired)
            assert len(done.leaving.victims) <= max(0, world.replicas - desired)
            assert not done.leaving.victims.keys() & done.leaving.dismissed.keys()
            assert not set(done.released) & done.leaving.requests.keys()
    assert world.interrupted == []


@given(ends=st.lists(st.lists(st.floats(0, 60), max_size=3), max_size=8), desired=COUNTS)
def test_what_is_asked_for_comes_about_once_jobs_are_done(ends, desired):
    world = World([Hand(f"w{n}", [100 + end for end in jobs]) for n, jobs in enumerate(ends)])
    for _ in range(90):
        world.second(desired)
    assert len(world.hands) == desired
    assert not world.leaving.anyone
    assert world.interrupted == []
