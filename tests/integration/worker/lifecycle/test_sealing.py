"""A worker that is asked to leave drains, seals itself when it is empty, and works again when it is needed."""

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.conftest import Get
from tests.integration.worker.system import System, WorkerProcess

from corral.catalog import Catalog
from corral.catalog.catalog import handling_modules
from corral.dispatch import Dispatch, Pop
from corral.dispatch.lanes import Lanes
from corral.ids import new_id
from corral.job.options import Executor
from corral.job.state import State
from corral.job_log import JobLog
from corral.scaling.drain_request import DrainRequest
from corral_testing.values import worker_record
from corral_worker.attempts.announcements import Announcements
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.attempts.completer import FinishedAttempts
from corral_worker.attempts.executor import AttemptExecutor
from corral_worker.attempts.timeouts import Timeouts
from corral_worker.attempts.updates import Updates, write_updates
from corral_worker.claiming.claim_loop import ClaimLoop
from corral_worker.claiming.claiming import Claimer
from corral_worker.claiming.group_claiming import GroupClaimer
from corral_worker.claiming.slot_queue import SlotQueue
from corral_worker.claiming.slots import Slots
from corral_worker.context.services import WorkerServices
from corral_worker.lifecycle.seal import Seal
from corral_worker.lifecycle.this_worker import ThisWorker

NAME = "io-a"
URL = {"redis": "redis_url", "postgres": "database_url"}


@pytest.fixture
async def worker(system: System, free_port: int) -> WorkerProcess:
    """A worker that beats so seldom that only a request makes it hear of a drain in time."""
    return await system.ready(worker_name=NAME, worker_port=free_port, heartbeat=60, lease=240)


async def drained(system: System) -> UUID:
    (record,) = await system.store.workers.list()
    await system.store.workers.drain(record.id, "test")
    return record.id


async def lifted(system: System) -> None:
    term = await system.store.leases.acquire("the test", await system.store.leases.read())
    assert term is not None
    assert await system.store.workers.undrain([NAME], "test", term)


async def sealed(system: System, nonce: str) -> None:
    """Ask until the worker has answered this very nonce."""

    async def answered() -> bool:
        await system.dispatch.drain_requests.write("io", {NAME: DrainRequest(nonce)})
        return await system.dispatch.drain_requests.seals([NAME]) == {NAME: nonce}

    await eventually_async(answered)


async def test_an_idle_worker_that_drains_seals_itself_and_is_not_ready(
    system: System, worker: WorkerProcess, get: Get
):
    assert (await get("/readyz"))[0] == 200
    await drained(system)
    await sealed(system, "n1")
    assert await get("/readyz") == (503, {"status": "waiting", "missing": ["sealed"]})
    (shown,) = (await get("/health/workers"))[1]["workers"]
    assert shown["sealed"]
    assert {"draining", "sealed"} <= set(
        shown["missing"]
    )  # a beat that is late, on a busy machine, is told too
    assert (await get("/healthz"))[0] == 200
    await sealed(system, "n2")


async def test_a_seal_outlasts_a_wiped_redis_and_a_lifted_drain_until_it_is_broken(
    system: System, get: Get, free_port: int
):
    worker = await system.ready(worker_name=NAME, worker_port=free_port, heartbeat=0.3)
    await drained(system)
    await sealed(system, "n1")
    await system.dispatch._redis.flushall()
    await lifted(system)
    (job,) = await system.submit("demo.echo", 1)
    await eventually_async(lambda: worker.events("worker.drain_ended"))
    # Nobody but the seal holds it: another worker would have the job at once.
    with pytest.raises(AssertionError, match="not within"):
        await system.state(job, State.RUNNING, State.COMPLETED, timeout=3)
    assert (await get("/readyz"))[0] == 503
    await system.dispatch.drain_requests.unseal([NAME])
    await system.state(job, State.COMPLETED)
    assert (await get("/readyz"))[0] == 200


async def test_a_wish_alone_is_no_drain(system: System, worker: WorkerProcess, get: Get):
    await system.dispatch.drain_requests.write("io", {NAME: DrainRequest("n1")})
    for number in range(5):
        assert (await system.result("demo.echo", number)).state is State.COMPLETED
    assert await system.dispatch.drain_requests.seals([NAME]) == {}
    assert (await get("/readyz"))[0] == 200


async def test_a_drain_without_a_nonce_seals_nothing(system: System, worker: WorkerProcess, get: Get):
    await drained(system)
    await system.dispatch.drain_requests.write("io", {NAME: DrainRequest()})
    await eventually_async(lambda: worker.events("worker.draining"))
    (job,) = await system.submit("demo.echo", 1)
    await lifted(system)
    await system.dispatch.drain_requests.unseal([NAME])
    await system.state(job, State.COMPLETED)
    assert not worker.events("worker.sealed")
    assert (await get("/readyz"))[0] == 200


async def test_a_worker_with_a_job_is_ready_and_unsealed_until_the_job_is_written(
    system: System, worker: WorkerProcess, get: Get
):
    enough = system.folder / "enough"
    (job,) = await system.submit("rig.until", {"file": str(enough), "effects": str(system.effects)})
    await system.started()
    await drained(system)

    looks: list[tuple[int, dict[str, str], State]] = []

    async def looked() -> State:
        await system.dispatch.drain_requests.write("io", {NAME: DrainRequest("n1")})
        # What is asked last is the newest: a seal that is seen comes after an outcome that is seen.
        ready, answers = (await get("/readyz"))[0], await system.dispatch.drain_requests.seals([NAME])
        state = (await system.job(job)).state
        looks.append((ready, answers, state))
        return state

    async def drains() -> bool:
        await looked()
        return bool(worker.events("worker.draining"))

    async def written() -> bool:
        return await looked() is State.COMPLETED

    await eventually_async(drains)
    for _ in range(10):
        assert await looked() is State.RUNNING
    enough.touch()
    await eventually_async(written)
    assert all((ready, answers) == (200, {}) for ready, answers, state in looks if state is State.RUNNING)
    await sealed(system, "n2")


@pytest.mark.parametrize("server", ["redis", "postgres"])
async def test_a_worker_stays_ready_whatever_its_servers_do(
    system: System, get: Get, free_port: int, server: str
):
    address = system.redis_url if server == "redis" else system.database_url
    with Proxy(address) as proxy:
        await system.ready(
            worker_port=free_port, worker_name=NAME, heartbeat=0.3, lease=2, **{URL[server]: proxy.url}
        )
        proxy.cut()

        async def missed() -> bool:
            (shown,) = (await get("/health/workers"))[1]["workers"]
            return server in shown["missing"]

        await eventually_async(missed)
        assert await get("/readyz") == (200, {"status": "ready", "missing": []})


async def test_what_was_popped_before_the_seal_goes_back_unclaimed(system: System):
    seal = Seal()

    class SealedMeanwhile(Lanes):
        async def pop(self, *arguments: Any, **keywords: Any) -> Pop:
            found = await super().pop(*arguments, **keywords)
            if found.popped:
                seal.keep()
            return found

    dispatch = Dispatch.open(system.redis_url)
    dispatch.lanes = SealedMeanwhile(dispatch._redis, dispatch._blocking)
    catalog = Catalog.load(handling_modules([], [], demo=True)).handled()
    slots = Slots({Executor.ASYNC: 5}, catalog, frozenset({"demo"}))
    updates = Updates(partial(write_updates, system.store, dispatch))
    job_log = JobLog("none", "info", "console")
    worker = ThisWorker(NAME, slots)
    finished = FinishedAttempts(slots)
    services = WorkerServices(system.store, dispatch, max_payload=1000)
    attempts = HeldAttempts(slots)
    executor = AttemptExecutor(
        catalog,
        attempts,
        worker=worker,
        slots=slots,
        updates=updates,
        services=services,
        timeouts=Timeouts(system.store.attempts, worker),
        finished=finished,
        job_log=job_log,
    )
    claiming = Claimer(system.store.claims, ["demo.echo"])
    announcements = Announcements(dispatch)
    loop = ClaimLoop(
        worker,
        dispatch,
        claiming=claiming,
        group_claiming=GroupClaimer(system.store.limit_claims, claiming, ["demo.echo"]),
        attempts=attempts,
        executor=executor,
        finished=finished,
        announcements=announcements,
        slots=slots,
        slot_queue=SlotQueue(system.store.claims, executor, attempts, announcements, slots=slots),
        seal=seal,
    )
    worker.incarnation = new_id()
    await system.store.workers.register(
        worker_record(id=worker.incarnation, name=NAME, queues=(), types=(), slots={})
    )
    (job,) = await system.submit("demo.echo", 1)
    running = asyncio.create_task(loop.run())
    await eventually_async(lambda: loop.holding == "sealed")
    assert (loop.claimed, loop.taking, attempts.held) == (0, False, {})
    assert (await system.job(job)).state is State.QUEUED
    popped = await system.dispatch.lanes.pop("other", [system.lane("demo")], 1, wait=False)
    assert [one.id for one in popped.popped] == [job]
    worker.stop()
    await running
    executor.close()
    await services.close()
    await dispatch.close()
