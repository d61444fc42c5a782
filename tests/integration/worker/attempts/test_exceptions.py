"""Whatever the team's code raises, wherever it is called, ends its attempt and nothing else."""

from uuid import UUID

import pytest
from tests.integration.worker.system import System

from corral.job.state import State

RIGS = "tests.integration.worker.handlers.rig_jobs,tests.integration.worker.handlers.rig_hostile"
EXECUTORS = ("async", "thread", "process")
KINDS = {"validator": "payload", "post_init": "payload", "handler": "exception", "serializer": "result"}
RAISED = (
    "KeyError",
    "SystemExit",
    "KeyboardInterrupt",
    "CancelledError",
    "Silent",
    "Needy",
    "Masked",
    "Group",
)
"""tests/unit/worker/test_perform.py has them all."""


@pytest.mark.parametrize("executor", EXECUTORS)
async def test_whatever_the_teams_code_raises_is_its_attempts_error_and_names_its_place(
    system: System, executor: str
):
    worker = await system.ready(handlers=RIGS, slots_thread=2, slots_process=1)
    jobs: dict[tuple[str, str], UUID] = {}
    for at in KINDS:
        for what in RAISED:
            (jobs[at, what],) = await system.submit(f"rig.hostile_{executor}", {"at": at, "what": what})
    neighbours = await system.submit("demo.echo", "good", count=5)
    ended = {job.id: job for job in await system.all_jobs("rig")}
    for (at, what), id in jobs.items():
        error = ended[id].error
        assert error is not None, (at, what)
        assert (ended[id].state, error["kind"]) == (State.FAILED, KINDS[at]), (at, what, error)
        assert what in f"{error['type']}: {error['message']}", (at, what, error)
        assert "rig_hostile" in (error["message"] if at != "handler" else error["place"]), (at, what, error)
    for id in neighbours:
        assert (await system.state(id, State.COMPLETED)).attempt == 1
    # No thread, no slot and no child was lost on the way.
    await system.submit(f"rig.hostile_{executor}", {"at": "nowhere", "what": "good"}, count=4)
    good = [job for job in await system.all_jobs("rig") if job.id not in ended]
    assert [(job.state, job.result) for job in good] == [
        (State.COMPLETED, {"at": "nowhere", "what": "good"})
    ] * 4
    assert worker.process.poll() is None
    assert not worker.events("child.died")
