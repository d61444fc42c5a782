"""In which order, from where, and with what company jobs are claimed."""

import asyncio
import urllib.request

import redis
from tests.fixtures.programs import ROOT
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.conftest import Get
from tests.integration.worker.system import System

from corral.job.priority import PRIORITIES
from corral.job.state import State
from corral_worker.claiming.claim_loop import POLL_SECONDS


async def test_more_urgent_jobs_start_first(system: System):
    for priority in reversed(PRIORITIES):
        await system.submit("rig.sleep", {"seconds": 0}, priority=priority, count=3)
    await system.ready(slots_async=1)
    jobs = [job for job in (await system.all_jobs("rig")) if job.started_at]
    ordered = [job.priority for job in sorted(jobs, key=lambda job: job.started_at)]
    assert ordered == [priority for priority in PRIORITIES for _ in range(3)]


async def test_a_full_executor_does_not_hold_up_the_others(system: System):
    await system.ready(slots_process=1)
    await system.submit("demo.cpu", {"seconds": 30}, queue="cpu", count=5)
    jobs = await system.submit("demo.echo", 1, count=200)
    for job in jobs:
        await system.state(job, State.COMPLETED, timeout=25)


async def test_no_more_jobs_run_than_there_are_slots(system: System):
    await system.ready(slots_async=3)
    jobs = await system.submit("rig.sleep", {"seconds": 0.3, "effects": str(system.effects)}, count=12)
    for job in jobs:
        await system.state(job, State.COMPLETED)
    running = most = 0
    for line in system.effects.read_text().splitlines():
        running += 1 if line.startswith("start") else -1
        most = max(most, running)
    assert (most, running) == (3, 0)


async def test_a_paused_queue_is_not_claimed_even_without_its_hint(system: System):
    await system.register_types()
    await system.store.queues.pause("demo", "test")
    await system.ready()
    jobs = await system.submit("demo.echo", 1, count=5)
    await system.result("rig.sleep", {"seconds": 0})
    depth = await eventually_async(lambda: _parked(system))
    assert depth
    assert {(await system.job(job)).state for job in jobs} == {State.QUEUED}
    await system.store.queues.resume("demo", "test")
    for job in jobs:
        await system.state(job, State.COMPLETED)


async def _parked(system: System) -> bool:
    lane = system.lane("demo")
    depth = (await system.dispatch.repair.depths([lane]))[lane]
    return depth.parked == 5


async def test_a_type_that_no_one_knows_is_given_back_and_said(system: System):
    worker = await system.ready()
    (job,) = await system.submit("rig.of_a_later_release", {})
    await eventually_async(lambda: worker.events("job.type_unknown"))
    assert (await system.job(job)).state is State.QUEUED
    assert (await system.job(job)).attempt == 0


async def test_rq_suspend_holds_the_workers_and_resume_lets_them_go(system: System):
    await system.ready(heartbeat=0.2, lease=2)
    client = redis.Redis.from_url(system.redis_url)
    client.set("rq:suspended", 1)
    await eventually_async(lambda: _holding(system, "suspended"))
    (job,) = await system.submit("demo.echo", 1)
    ((_, beats),) = await system.store.workers.observations()
    await eventually_async(lambda: _beats(system, beats + 8))
    assert (await system.job(job)).state is State.QUEUED
    client.delete("rq:suspended")
    client.close()
    await system.state(job, State.COMPLETED)


async def _holding(system: System, why: str) -> bool:
    (record,) = await system.store.workers.list()
    return record.status.get("holding") == why


async def _beats(system: System, count: int) -> bool:
    ((_, counter),) = await system.store.workers.observations()
    return counter >= count


async def test_an_idle_worker_starts_a_job_at_once_and_not_when_it_looks_next(system: System):
    await system.ready()
    await system.result("demo.echo", "warm")
    waits = []
    for _ in range(20):
        job = await system.result("demo.echo", 1)
        assert job.started_at is not None
        waits.append((job.started_at - job.created_at).total_seconds())
    assert sorted(waits)[len(waits) // 2] < POLL_SECONDS / 2


async def test_only_named_queues_are_served(system: System):
    await system.ready(queues="demo")
    (rig,) = await system.submit("rig.sleep", {"seconds": 0})
    await system.result("demo.echo", 1)
    assert (await system.job(rig)).state is State.QUEUED


async def test_a_queue_that_no_code_declares_is_served_where_it_is_named(system: System):
    """An operator sets it for a type: any job may be in it, of any executor."""
    await system.ready(queues="*,night")
    for type, payload, queue in (
        ("demo.echo", 1, "night"),
        ("demo.cpu", {"seconds": 0}, "night"),
        ("demo.echo", 1, "demo"),
    ):
        assert (await system.result(type, payload, queue=queue)).state is State.COMPLETED


async def test_health_is_answered_while_the_loop_is_blocked(system: System, free_port: int, get: Get):
    worker = await system.ready(worker_port=free_port, heartbeat=0.3, lease=2, pool="io")

    async def ready() -> bool:
        return (await get("/readyz"))[0] == 200

    await eventually_async(ready)
    await system.submit("rig.block", {"seconds": 3, "effects": str(system.effects)})
    await system.started()
    assert (await get("/healthz"))[0] == 200
    status, shown = await get("/health/workers")
    (one,) = shown["workers"]
    assert (status, one["slots"]["async"]["used"]) == (200, 1)
    assert {"cpu", "demo", "reports", "rig"} <= set(one["queues"])
    assert one["pool"] == "io"
    assert one["memory_bytes"] > 30_000_000
    assert one["cpu_seconds"] > 0

    async def shown_to_all() -> bool:
        return [record.status.get("pool") for record in await system.store.workers.list()] == ["io"]

    await eventually_async(shown_to_all)
    assert (await get("/nowhere"))[0] == 404
    (record,) = await system.store.workers.list()
    await system.store.workers.drain(record.id, "test")

    async def draining() -> bool:
        (one,) = (await get("/health/workers"))[1]["workers"]
        return one["missing"] == ["draining"]

    await eventually_async(draining)
    assert await get("/readyz") == (200, {"status": "ready", "missing": []})
    assert worker.process.poll() is None


async def test_waiting_and_running_times_are_measured(system: System, free_port: int):
    await system.submit("demo.echo", 1, count=3)
    await system.ready(metrics_port=free_port)

    def measured() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        counts = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}
        ran = counts.get('corral_job_run_seconds_count{queue="demo",type="demo.echo"}') == 3
        waited = counts.get('corral_job_wait_seconds_count{queue="demo"}') == 3
        return ran and waited and counts['corral_job_wait_seconds_sum{queue="demo"}'] > 0.1  # its start alone

    await eventually_async(lambda: asyncio.to_thread(measured))


async def test_a_report_is_made_and_kept_as_an_artifact(system: System):
    await system.ready()
    job = await system.result(
        "report.generate", {"title": "Orders", "rows": [{"region": "North", "orders": 3}]}, queue="reports"
    )
    assert job.state is State.COMPLETED, job.error
    files = {one.name: one for one in await system.store.artifacts.list(job.id)}
    assert sorted(one.rpartition(".")[2] for one in files) == ["csv", "pdf", "xlsx"]
    artifact = files[job.result["name"]]
    content = b"".join([piece async for piece in system.store.artifacts.read(artifact)])
    assert (artifact.name, content[:5]) == (job.result["name"], b"%PDF-")


async def test_a_report_of_corrals_own_figures(system: System):
    await system.register_types()
    await system.ready()
    await system.result("demo.echo", 1)
    job = await system.result(
        "report.generate", {"title": "Queues", "source": "queue-statistics"}, queue="reports"
    )
    assert job.state is State.COMPLETED, job.error
    assert job.result["rows"] >= 4


async def test_the_examples_of_a_team_run(system: System):
    await system.ready(jobs="jobs", handlers="handlers", pythonpath=ROOT / "examples")
    job = await system.result("mail.welcome", {"name": "Ada", "language": "fr"}, queue="mail")
    assert job.result == "Bonjour, Ada!"
