"""An attempt's outcome is decided once, when its handler has ended."""

from tests.unit.worker.test_ending import FAILED, claimed

from corral.catalog import job_type
from corral.job.backoff import Exponential
from corral.job.outcome import Erred, Exhausted, Succeeded
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.handler_call import Raised, Returned
from corral_worker.attempts.outcomes import Stop

declared = job_type(
    "unit.execution", queue="unit", executor="async", retries=3, backoff=Exponential(2, jitter=0.5)
)


def test_the_wait_for_the_next_try_is_drawn_once():
    execution = Execution(claimed(), declared)
    assert execution.finished is None
    execution.finish(FAILED)
    first = execution.finished
    assert first is not None
    assert isinstance(first.outcome, Erred)
    assert execution.overdue() != first, "that is another question"
    assert execution.finished is first


def test_a_stop_that_comes_after_the_end_changes_nothing():
    execution = Execution(claimed(), declared)
    execution.finish(Returned("1"))
    execution.stop = Stop.TIMEOUT
    assert execution.finished is not None
    assert execution.finished.outcome == Succeeded("1")


def test_an_ending_that_can_not_be_stored_is_replaced_and_the_time_of_the_end_stays():
    execution = Execution(claimed(retries=0), declared)
    execution.finish(Returned("1"))
    ended = execution.ended
    assert isinstance(FAILED, Raised)
    execution.finish(FAILED)
    assert execution.finished is not None
    assert isinstance(execution.finished.outcome, Exhausted)
    assert execution.ended == ended
