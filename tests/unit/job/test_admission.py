"""What is decided about jobs at keys that are full, without a store."""

from uuid import UUID

from corral.job.admission import Counted, KeyLoad, WhenFull, admit
from corral.refusals import RefusedBecause, TooManyWaiting
from corral.store.limits.admission import refused

JOBS = [UUID(int=number) for number in range(1, 6)]


def _counted(*names: str) -> list[Counted]:
    return [Counted(job, names) for job in JOBS]


def test_jobs_are_refused_from_the_first_that_finds_no_room():
    load = KeyLoad(name="x=a", when_full=WhenFull.REFUSE, bound=3, running=1)
    admission = admit(_counted("x=a"), {"x=a": load})
    assert [one.index for one in admission.refused] == [2, 3, 4]
    first = admission.refused[0]
    assert (first.limit, first.key, first.because, first.may) == ("x", "a", RefusedBecause.FULL, 3)


def test_the_last_one_supersedes_and_is_kept():
    load = KeyLoad(name="x", when_full=WhenFull.SUPERSEDE, bound=1, running=1, waiting=2)
    admission = admit(_counted("x"), {"x": load})
    assert admission.superseding == {"x": JOBS[-1]}
    assert admission.kept == {"x": [JOBS[-1]]}
    assert admission.stopping == {}


def test_as_many_are_asked_to_stop_as_newcomers_need():
    load = KeyLoad(name="x", when_full=WhenFull.CANCEL_RUNNING, bound=2, running=2, stopping=1)
    assert admit(_counted("x")[:1], {"x": load}).stopping == {}, "one is stopping already"
    load = KeyLoad(name="x", when_full=WhenFull.CANCEL_RUNNING, bound=2, running=2)
    assert admit(_counted("x"), {"x": load}).stopping == {"x": 1}


def test_a_refusal_tells_the_place_in_the_whole_submission():
    load = KeyLoad(name="x=a", max_waiting=1)
    error = refused(admit(_counted("x=a")[:2], {"x=a": load}), 2)
    assert isinstance(error, TooManyWaiting)
    whole = error.of([UUID(int=9), *JOBS[:2]])
    assert isinstance(whole, TooManyWaiting)
    assert [one.index for one in whole.refused] == [2]
    assert "1 of 3 jobs are refused, the first at index 2" in str(whole)
