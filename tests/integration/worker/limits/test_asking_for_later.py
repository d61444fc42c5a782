"""What handlers say and take about limits while they run, in each executor: waits, budgets, corrections."""

from uuid import UUID

from tests.fixtures.waiting import eventually_async
from tests.integration.worker.handlers.rig_limits import EXECUTORS
from tests.integration.worker.limits.test_limits import reign_of
from tests.integration.worker.system import System

from corral.actions.jobs import JobActions
from corral.catalog import Catalog
from corral.catalog.record import declaration_of
from corral.dispatch import entry_of
from corral.job.job import Job
from corral.job.lane import Lane
from corral.job.limit_use import LimitUse, uses_of
from corral.job.priority import Priority
from corral.job.state import State
from corral.maintenance.duties.limits import KeepLimits
from corral.store.limits.budget_notes import terms_of

RIG = "tests.integration.worker.handlers.rig_limits"
SAID = [
    "TypeError", "TypeError", "ValueError", "InvalidInput", "InvalidInput", "InvalidInput", "InvalidInput", "Conflict",
    "BudgetExhausted rig-calls True",
    "InvalidInput", "Conflict", "LimitTimeout", "InvalidInput", "InvalidInput", "InvalidInput",
]  # fmt: skip
TAKEN = "SELECT sum(t) FROM corral.limit_keys k, unnest(k.taken) t WHERE k.name = 'rig-started'"
HELD = """
WITH k AS (INSERT INTO corral.limit_keys (name, limit_name, key, in_use) VALUES ('rig-zones=taken', 'rig-zones', 'taken', 1))
INSERT INTO corral.limit_leases (id, names, job, attempt, expires_at)
VALUES (gen_random_uuid(), '{rig-zones=taken}', %(job)s, 1, now() + interval '1 hour')
"""
LEASES = "SELECT l.names FROM corral.limit_leases l"
IN_USE = "SELECT name FROM corral.limit_keys WHERE in_use <> 0"
PARKED = "SELECT count(*) FROM corral.limit_keys WHERE parked_until IS NOT NULL OR probe IS NOT NULL"


async def test_waits_budgets_and_corrections_work_in_every_executor(system: System):
    await system.ready(handlers=RIG, slots_process=1)
    catalog = Catalog.load([RIG])
    await system.store.registration.register(
        catalog.records(), limits=[declaration_of(one) for one in catalog.limits.values()]
    )
    lane = Lane("rig", Priority.NORMAL)

    async def submit(executor: str, do: str, customer: str) -> UUID:
        uses = uses_of(
            "rig",
            Priority.NORMAL,
            [LimitUse("rig-provider"), LimitUse("rig-started", cost=100 if do == "take" else 1)],
        )
        assert uses is not None
        payload = {"do": do, "customer": customer, "expected": 300}
        (job,) = await system.submit(f"rig.takes_{executor}", payload, limits=uses)
        await system.dispatch.lanes.enqueue([entry_of(lane, job, uses.group)])
        return job

    async def left() -> float:
        terms = terms_of(dict(catalog.limits["rig-bytes"].values))
        return (await system.dispatch.budgets.left({"rig-bytes": terms}))["rig-bytes"] or 0.0

    duty, reign = KeepLimits(system.store, system.dispatch), await reign_of(system)

    async def reaches(job: UUID, *states: State) -> Job:
        async def there() -> bool:
            await duty.round(reign)
            return (await system.job(job)).state in states

        await eventually_async(there)
        return await system.job(job)

    (holder,) = await system.submit("rig.takes_async", {})
    await system.store.database.run(HELD, {"job": holder})
    for number, executor in enumerate(EXECUTORS, 1):
        done = await reaches(await submit(executor, "take", executor), State.COMPLETED, State.FAILED)
        assert done.result == SAID, done.error
        assert 0 <= await left() - (5000 - 900 * number) < 60, "what was settled counts"
        assert await system.store.database.run(TAKEN) == [(40.0 * number,)]
    for executor in EXECUTORS:
        snoozed = await submit(executor, "snooze", executor)
        await reaches(snoozed, State.SCHEDULED)
        await JobActions(system.store, system.dispatch).run_now([snoozed], "ann")
        done = await reaches(snoozed, State.COMPLETED, State.FAILED)
        assert (done.attempt, done.errors, done.snoozes) == (2, 0, 1), done.error

        done = await reaches(await submit(executor, "429", executor), State.COMPLETED, State.FAILED)
        assert (done.attempt, done.errors, done.snoozes) == (2, 0, 1), done.error
        assert [one.outcome for one in await system.store.jobs.attempts(done.id)] == ["rate-limited"]
        assert await system.store.database.run(PARKED) == [(0,)], "its success opened the limit"
    assert await system.store.database.run(LEASES) == [(["rig-zones=taken"],)], "all others are given back"
    assert await system.store.database.run(IN_USE) == [("rig-zones=taken",)]
