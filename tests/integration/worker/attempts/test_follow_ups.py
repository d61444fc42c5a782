"""Jobs that handlers announce with `ctx.then`: stored with the outcome that they wait for, in each executor."""

from collections import Counter
from pathlib import Path

import psycopg
import pytest
from tests.integration.worker.engine import Engine, engine_of
from tests.integration.worker.handlers.rig_follow_ups import EXECUTORS
from tests.integration.worker.system import System

from corral.catalog import Catalog
from corral.job.follow_up import FollowsOn, FollowUp
from corral.job.job import NewJob
from corral.job.priority import Priority
from corral.job.state import State
from corral.store.attempts import follow_ups
from corral.store.attempts.endings import END, SUCCEED
from corral_testing.values import new_job
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.handler_call import Returned

RIG = "tests.integration.worker.handlers.rig_follow_ups"
EXAMPLES = str(Path(__file__).parents[4] / "examples")
WANTED = {
    "success": (State.COMPLETED, {("success", 1), ("end", 1)}),
    "failure": (State.FAILED, {("failure", 1), ("end", 1)}),
    "cancelled": (State.CANCELLED, {("cancelled", 1), ("end", 1)}),
    "retry": (State.COMPLETED, {("retry", 1), ("success", 2), ("end", 2)}),
    "died": (State.COMPLETED, {("retry", 1), ("success", 2), ("end", 2)}),
}
"""By what the handler does: the state of its job, and the follow-ups as (outcome, attempt)."""


async def test_each_outcome_brings_its_follow_ups_from_every_executor(
    system: System, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(EXAMPLES)
    await system.store.types.register(Catalog.load([RIG, "orders"]).records())
    await system.ready(handlers=f"{RIG},orders", pythonpath=EXAMPLES, slots_process=1)
    told = [
        (executor, end)
        for executor in EXECUTORS
        for end in WANTED
        if (end == "died") <= (executor == "process")
    ]
    jobs = [(await system.submit(f"rig.follows_{one}", {"end": end}, retries=1))[0] for one, end in told]
    for (executor, end), id in zip(told, jobs, strict=True):
        state, wanted = WANTED[end]
        if ("retry", 1) in wanted:
            await system.state(id, State.SCHEDULED)
            await system.store.jobs.run_now([id], "test")
            await system.dispatch.lanes.enqueue([system.entry("rig", id)])
        job = await system.state(id, State.COMPLETED, State.FAILED, State.CANCELLED)
        assert job.state is state, (executor, end, job.error)
        if state is State.COMPLETED:
            errors = ["UnknownType", "InvalidInput", "ValueError", "TypeError", "InvalidInput", "TypeError"]
            assert job.result == errors
        listed = await system.store.follow_ups.of(id)
        assert {(one.on.value, one.attempt) for one in listed} == wanted, (executor, end)
        announced = {line.fields.value["id"] for line in await system.store.jobs.logs(id)}
        for one in listed:
            assert str(one.follow_up) in announced, "the id is the one that the handler was given"
            ended = await system.state(one.follow_up, State.COMPLETED)
            assert (ended.result, ended.created_by) == (
                {"on": one.on.value, "attempt": one.attempt},
                f"job:{id}",
            )
            assert (ended.priority, ended.attempt) == (Priority.HIGH, 1)
    order = await system.result("orders.pack", {"order": "A 7", "mail": "ada@example.org"}, queue="orders")
    assert order.state is State.COMPLETED, order.error
    (effect,) = await system.store.effects.of(order.id)
    assert (effect.name, effect.receipt) == ("charged", "paid with 4711")
    (one,) = await system.store.follow_ups.of(order.id)
    confirmed = await system.state(one.follow_up, State.COMPLETED)
    assert confirmed.result == "wrote to ada@example.org that A 7 is on its way"
    with psycopg.connect(database_url) as sql:
        rows = sql.execute("SELECT type, count(*)::int4 FROM corral.jobs GROUP BY 1").fetchall()
    kept = sum(len(WANTED[end][1]) for _, end in told)
    assert Counter(dict(rows))["rig.followed"] == kept, "and none but these is stored"


def echoed(payload: str = "1") -> NewJob:
    return new_job(type="engine.echo", queue="engine", payload=payload)


async def finished(engine: Engine, *announced: FollowUp) -> Execution:
    execution = Execution(await engine.claimed("engine.echo", None), engine.catalog.types["engine.echo"])
    engine.attempts.add(execution)
    execution.follow_ups.extend(announced)
    execution.finish(Returned("1"))
    engine.finished.add(execution)
    return execution


async def test_a_follow_up_is_claimed_without_waiting_for_the_sweep(system: System):
    async with engine_of(system) as engine:
        job = echoed()
        engine.run(engine.completer, engine.claim_loop)
        await finished(engine, FollowUp(FollowsOn.SUCCESS, job))
        await system.state(job.id, State.COMPLETED)


async def test_a_follow_up_that_can_not_be_stored_changes_no_outcome_and_is_told_in_the_job_s_log(
    system: System,
):
    async with engine_of(system) as engine:
        bad = FollowUp(FollowsOn.SUCCESS, echoed('"\\u0000"'))
        execution = await finished(engine, bad, FollowUp(FollowsOn.END, echoed()))
        other = await finished(engine, FollowUp(FollowsOn.END, echoed()))
        engine.run(engine.completer)
        await engine.written()
        assert (await system.job(execution.claimed.id)).state is State.COMPLETED
        (line,) = await system.store.jobs.logs(execution.claimed.id)
        assert line.text.startswith("its 2 follow-ups can't be stored: /payload")
        assert await system.store.follow_ups.of(execution.claimed.id) == []
        assert len(await system.store.follow_ups.of(other.claimed.id)) == 1


async def test_attempts_without_follow_ups_end_by_the_statements_without_them(system: System):
    async with engine_of(system) as engine:
        plain = await engine.claimed("engine.echo", None)
        execution = Execution(plain, engine.catalog.types["engine.echo"])
        execution.finish(Returned("1"))
        assert execution.finished is not None
        for statement in (SUCCEED, END):
            assert follow_ups.ending(statement, {}, [execution.finished]) == (statement, {})
            assert "follow" not in statement
