"""A worker is killed around an effect that must not be repeated: it is done once, or known to be perhaps done."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.worker.system import System, running_system

from corral.job.state import State

RIG = "tests.integration.worker.handlers.rig_effects"
SHORT = {"handlers": RIG, "heartbeat": 0.3, "lease": 1.5, "slots_process": 1}
PERHAPS = "perhaps-done"
KILLED: list[tuple[str, list[str], str]] = [
    ("killed-before-the-begin", ["2"], "completed"),
    ("killed-after-the-begin", [], PERHAPS),
    ("killed-before-the-end", ["1"], PERHAPS),
    ("killed-after-the-end", ["1"], "completed"),
]
"""When the worker dies, which attempts have done it in the end, and what becomes of the job."""


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        yield running


@pytest.mark.parametrize(("failpoint", "done_by", "end"), KILLED)
@pytest.mark.parametrize("executor", ["async", "thread", "process"])
async def test_a_worker_that_is_killed_leaves_no_effect_done_twice_or_unknown(
    system: System, executor: str, failpoint: str, done_by: list[str], end: str
):
    await system.maintained()
    doomed = await system.rigged(failpoint, **SHORT)
    told = {"do": "it", "effects": str(system.effects), "name": "order"}
    (id,) = await system.submit(f"rig.once_{executor}", told, retries=2)
    assert await doomed.ended() == -signal.SIGKILL
    await system.ready(**SHORT)
    job = await system.state(id, State.COMPLETED, State.FAILED)
    assert [line[2] for line in system.effect_lines("charge")] == done_by
    if end == PERHAPS:
        assert (job.state, (job.error or {})["kind"], job.attempt) == (State.FAILED, PERHAPS, 2)
        (effect,) = await system.store.effects.of(id)
        assert (effect.attempt, effect.ended_at) == (1, None)
    else:
        assert (job.state, job.result) == (State.COMPLETED, {"by": int(done_by[0])})


@pytest.mark.parametrize("failpoint", ["answer-of-the-begin-lost", "answer-of-the-end-lost"])
async def test_a_lost_answer_neither_repeats_it_nor_leaves_it_open(system: System, failpoint: str):
    await system.rigged(failpoint, **SHORT)
    told = {"do": "it", "effects": str(system.effects), "name": "order"}
    job = await system.result("rig.once_async", told)
    assert (job.state, job.result, job.attempt) == (State.COMPLETED, {"by": 1}, 1)
    assert (system.folder / "struck").exists()
    assert [line[2] for line in system.effect_lines("charge")] == ["1"]
