import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.claimed import claimed_job

from corral.errors import Discard, JobCancelled, Retry
from corral.job.backoff import Exact, Exponential
from corral.job.job import Claimed
from corral.job.outcome import Cancelled, Erred, ErrorKind, Exhausted, Released, Succeeded
from corral_worker.attempts.handler_call import Died, Ending, Returned, raised
from corral_worker.attempts.outcomes import Stop, outcome_of

CHANCE = random.Random(1)
FAILED = raised(ValueError("no"))


def claimed(errors: int = 0, retries: int = 3) -> Claimed:
    return claimed_job(id=UUID(int=1), errors=errors, retries=retries, timeout=5.0)


@given(errors=st.integers(0, 20), retries=st.integers(0, 20))
def test_the_budget_decides_between_another_try_and_failure(errors: int, retries: int):
    outcome = outcome_of(FAILED, None, claimed(errors, retries), Exponential(2), CHANCE)
    assert isinstance(outcome, Erred if errors < retries else Exhausted)


def test_waits_follow_the_backoff_of_the_type():
    waits = [outcome_of(FAILED, None, claimed(errors), Exponential(2), CHANCE) for errors in range(3)]
    assert [one.retry_in for one in waits if isinstance(one, Erred)] == [2, 4, 8]


@pytest.mark.parametrize(("after", "wait"), [(0, 0), (7.5, 7.5), (-3, 0), (None, 1.0)])
def test_retry_names_its_wait(after: float | None, wait: float):
    outcome = outcome_of(raised(Retry(after=after)), None, claimed(), Exact((1.0,)), CHANCE)
    assert isinstance(outcome, Erred)
    assert outcome.retry_in == wait


def test_discard_fails_whatever_budget_is_left():
    outcome = outcome_of(raised(Discard("bad")), None, claimed(retries=100), Exponential(1), CHANCE)
    assert isinstance(outcome, Exhausted)
    assert outcome.error.kind is ErrorKind.DISCARD


def test_a_handler_may_cancel_itself():
    assert outcome_of(raised(JobCancelled("told")), None, claimed(), Exponential(1), CHANCE) == Cancelled(
        "told"
    )


ENDINGS: list[Ending] = [Returned("1"), FAILED, Died(-9)]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_timeout_is_a_timeout_however_the_handler_ended(ending: Ending):
    outcome = outcome_of(ending, Stop.TIMEOUT, claimed(), Exponential(1), CHANCE)
    assert isinstance(outcome, Erred)
    assert outcome.error.kind is ErrorKind.TIMEOUT


@pytest.mark.parametrize(("stop", "otherwise"), [(Stop.CANCEL, Cancelled), (Stop.RELEASE, Released)])
def test_a_success_under_way_wins_over_a_cancel_and_a_release(stop: Stop, otherwise: type):
    assert outcome_of(Returned("1"), stop, claimed(), Exponential(1), CHANCE) == Succeeded("1")
    for ending in (FAILED, Died(-9), raised(Discard("x")), raised(Retry(after=1))):
        assert isinstance(outcome_of(ending, stop, claimed(), Exponential(1), CHANCE), otherwise)


@pytest.mark.parametrize(
    ("exitcode", "told"), [(-11, "SIGSEGV"), (-9, "SIGKILL"), (3, "exit code 3"), (0, "exit code 0")]
)
def test_a_dead_child_is_told_with_its_signal_or_code(exitcode: int, told: str):
    outcome = outcome_of(Died(exitcode), None, claimed(), Exponential(1), CHANCE)
    assert isinstance(outcome, Erred)
    assert (outcome.error.kind, told in outcome.error.message) == (ErrorKind.EXIT, True)
