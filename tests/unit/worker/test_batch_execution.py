"""How claimed jobs become batches."""

from uuid import UUID

from tests.fixtures.claimed import claimed_job

from corral.ids import new_id
from corral.job.batch import Batch
from corral_worker.batches.execution import batches_of

GROUP, OTHER = new_id(), new_id()


def payloads(jobs, batch: Batch) -> list[list[str]]:
    return [[job.payload for job in one] for one in batches_of(jobs, lambda _: batch)]


def one(payload: str, group: UUID | None = GROUP, *, suspect: bool = False):
    return claimed_job(type="a.b", queue="q", payload=payload, suspect=suspect, limit_group=group)


def test_jobs_of_one_group_are_put_together_up_to_the_size():
    jobs = [one("1"), one("2", OTHER), one("3"), one("4"), one("5", OTHER)]
    assert payloads(jobs, Batch(size=2)) == [["1", "3"], ["4"], ["2", "5"]]


def test_a_suspect_and_a_job_without_a_group_are_alone():
    jobs = [one("1"), one("2", suspect=True), one("3", None), one("4")]
    assert payloads(jobs, Batch()) == [["2"], ["3"], ["1", "4"]]


def test_no_batch_has_more_bytes_than_it_may_except_a_job_that_has_more_alone():
    jobs = [one("1" * 6), one("2" * 5), one("3" * 20), one("4" * 5), one("5" * 5)]
    assert [len(one) for one in batches_of(jobs, lambda _: Batch(max_bytes=10))] == [1, 1, 1, 2]
