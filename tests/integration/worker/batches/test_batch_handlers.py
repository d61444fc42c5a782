"""Handlers of batches in each executor: an outcome, a log and progress for each job, whatever becomes of the others (rule 14)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tests.integration.worker.handlers.rig_batches import EXECUTORS, SIZE
from tests.integration.worker.system import System

from corral.job.job import Job
from corral.job.limit_use import batch_key, uses_of
from corral.job.priority import Priority
from corral.job.state import State

RIG = "tests.integration.worker.handlers.rig_batches"


async def submit(system: System, executor: str, lot: str, *pieces: Any) -> list[UUID]:
    """One lot of pieces; each is what is to become of it, or a whole payload."""
    job_type = f"rig.batch_{executor}"
    payloads = [
        piece
        if isinstance(piece, dict)
        else {"lot": lot, "n": number, "do": piece, "effects": str(system.effects)}
        for number, piece in enumerate(pieces, 1)
    ]
    limits = uses_of("rig", Priority.NORMAL, (), batch_key(job_type, lot))
    return [
        job
        for payload in payloads
        for job in await system.submit(job_type, payload, limits=limits, retries=1)
    ]


async def ends(system: System, jobs: Sequence[UUID]) -> list[Job]:
    ended = (State.COMPLETED, State.FAILED, State.CANCELLED, State.SCHEDULED)
    return [await system.state(job, *ended) for job in jobs]


def batches(system: System, lot: str) -> list[str]:
    return [line[2] for line in system.effect_lines("batch") if line[1] == lot]


def told(job: Job) -> tuple[State, Any, str]:
    return job.state, job.result, job.error["message"] if job.error else ""


async def test_each_job_of_a_batch_has_an_outcome_of_its_own(system: System):
    await system.ready(handlers=RIG, slots_process=1)
    for executor in EXECUTORS:
        jobs = await submit(system, executor, f"{executor}-done", *["nothing"] * SIZE)
        assert [told(job) for job in await ends(system, jobs)] == [(State.COMPLETED, None, "")] * SIZE
        assert batches(system, f"{executor}-done") == ["1,2,3,4"]
        lines = await system.store.jobs.logs(jobs[1])
        assert [(line.text, line.fields) for line in lines] == [("got", {"n": 2})]

        lot = f"{executor}-given"
        jobs = await submit(system, executor, lot, "succeed", "fail", "discard", "raise")
        ended = await ends(system, jobs)
        assert [told(job) for job in ended] == [
            (State.COMPLETED, {"n": 1}, ""),
            (State.SCHEDULED, None, "piece 2"),
            (State.FAILED, None, "not wanted"),
            (State.SCHEDULED, None, "the rest"),
        ], executor
        assert [job.errors for job in ended] == [0, 1, 1, 1]

        jobs = await submit(system, executor, f"{executor}-answered", "answer", "answer an error", "x", "x")
        assert [told(job)[:2] for job in await ends(system, jobs)] == [
            (State.COMPLETED, {"n": 1}),
            (State.SCHEDULED, None),
            (State.SCHEDULED, None),
            (State.SCHEDULED, None),
        ], executor
        assert told(await system.job(jobs[1]))[2] == "as answered"
        assert "no outcome for this job" in told(await system.job(jobs[2]))[2]

        bad = {"lot": "bad", "n": "many"}
        jobs = await submit(system, executor, f"{executor}-bad", "x", bad, "x", "x")
        states = [job.state for job in await ends(system, jobs)]
        assert states == [State.COMPLETED, State.SCHEDULED, State.COMPLETED, State.COMPLETED]
        assert batches(system, f"{executor}-bad") == ["1,3,4"], "its payload could not be read"
