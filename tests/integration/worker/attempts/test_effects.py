"""What handlers do with `ctx.once`, in each executor: it is done once, whatever fails around it, or known to be perhaps done."""

import asyncio
from contextlib import asynccontextmanager
from uuid import UUID

from tests.fixtures.servers.proxy import Proxy
from tests.integration.worker.handlers.rig_effects import EXECUTORS
from tests.integration.worker.system import System

from corral.actions.jobs import JobActions
from corral.ids import new_id
from corral.job.job import Job
from corral.job.state import State
from corral.store import Store
from corral_testing.values import worker_record
from corral_worker.context.effects import AttemptEffects

RIG = "tests.integration.worker.handlers.rig_effects"


@asynccontextmanager
async def dropping_server():
    """Takes each request and closes the connection without an answer; its port, and the list of what it took."""
    taken: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await reader.readline())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], taken


async def run_next(system: System, job: UUID) -> None:
    """Its next attempt comes at once: nobody promotes here."""
    await system.state(job, State.SCHEDULED)
    await system.store.jobs.run_now([job], "test")
    await system.dispatch.lanes.enqueue([system.entry("rig", job)])


async def ended(system: System, job: UUID) -> Job:
    return await system.state(job, State.COMPLETED, State.FAILED)


async def test_it_is_done_once_or_known_to_be_perhaps_done_in_every_executor(system: System):
    await system.ready(handlers=RIG, slots_process=1)

    async def submit(job_type: str, do: str) -> UUID:
        told = {"do": do, "effects": str(system.effects), "name": f"{job_type}/{do}".replace(" ", "-")}
        (job,) = await system.submit(job_type, told | {"port": port}, retries=2)
        return job

    def charged(job_type: str, do: str) -> list[str]:
        name = f"{job_type}/{do}".replace(" ", "-")
        return [line[2] for line in system.effect_lines("charge") if line[1] == name]

    async with dropping_server() as (port, taken):
        for executor in EXECUTORS:
            once, again = f"rig.once_{executor}", f"rig.again_{executor}"

            later = await submit(once, "fail later")
            await run_next(system, later)
            job = await ended(system, later)
            assert (job.result, job.attempt, charged(once, "fail later")) == ({"by": 1}, 2, ["1"])

            refused = await submit(once, "refused first")
            await run_next(system, refused)
            job = await ended(system, refused)
            assert (job.result, job.attempt, charged(once, "refused first")) == ({"by": 2}, 2, ["2"])

            dropped = await submit(once, "drop")
            await run_next(system, dropped)
            job = await ended(system, dropped)
            assert (job.state, job.attempt, charged(once, "drop")) == (State.FAILED, 2, ["1"])
            assert job.error is not None
            assert (job.error["kind"], job.error["type"]) == ("perhaps-done", "corral.errors.PerhapsDone")
            assert f"corral jobs settle {dropped} charged" in job.error["message"]

            await JobActions(system.store, system.dispatch).settle(
                dropped, "charged", "ada", done=True, receipt={"by": "ada"}
            )
            await JobActions(system.store, system.dispatch).retry([dropped], "ada")
            job = await ended(system, dropped)
            assert (job.result, charged(once, "drop")) == ({"by": "ada"}, ["1"])

            repeated = await submit(again, "drop")
            await run_next(system, repeated)
            await run_next(system, repeated)
            job = await ended(system, repeated)
            assert (job.error or {})["type"] == "builtins.ConnectionError"
            assert charged(again, "drop") == ["1", "2", "3"]
        assert len(taken) == len(EXECUTORS) * 4

        died = await submit("rig.once_process", "die")
        await run_next(system, died)
        job = await ended(system, died)
        assert ((job.error or {})["kind"], charged("rig.once_process", "die")) == ("perhaps-done", ["1"])
        await system.store.effects.settle(died, "charged", "ada", done=False)
        await JobActions(system.store, system.dispatch).retry([died], "ada")
        job = await ended(system, died)
        assert (job.result, charged("rig.once_process", "die")) == ({"by": 3}, ["1", "3"])


async def test_what_is_done_is_stored_as_done_once_postgres_is_back(system: System):
    (id,) = await system.submit("rig.once_async")
    worker = await of_hand(system)
    await system.store.claims.claim(worker, new_id(), [id], ["rig.once_async"], alone=False)
    with Proxy(system.database_url) as proxy:
        store = Store.open(proxy.url)
        effects = AttemptEffects(store.effects)
        begun = await effects.begin(id, 1, "sent", repeat=False)
        assert begun.token is not None
        proxy.cut()
        ending = asyncio.create_task(effects.end(id, 1, "sent", begun.token, '"r"'))
        beginning = asyncio.create_task(effects.begin(id, 1, "paid", repeat=False))
        await asyncio.sleep(0)
        assert not ending.done()
        proxy.heal()
        await asyncio.wait_for(asyncio.gather(ending, beginning), 60)
        await store.close()
    sent, paid = sorted(await system.store.effects.of(id), key=lambda one: one.ended_at is None)
    assert (sent.name, sent.receipt, paid.name, paid.ended_at) == ("sent", "r", "paid", None)


async def of_hand(system: System) -> UUID:
    worker = new_id()
    await system.store.workers.register(
        worker_record(id=worker, name="hand", queues=("rig",), types=("rig.once_async",), slots={})
    )
    return worker
