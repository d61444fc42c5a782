"""Workers are killed around the end of a job and around the message about it: one message, told until it is taken."""

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook
from tests.fixtures.waiting import eventually_async
from tests.integration.outgoing.server import Heard, Server, answer, listening
from tests.integration.worker.system import System, WorkerProcess, running_system

from corral.actions.webhooks import WebhookActions
from corral.job.state import State
from corral.webhook.delivery import DeliveryStatus, StoredDelivery

HOST = "127.0.0.8"
SHORT = {"heartbeat": 0.3, "lease": 1.5, "slots_process": 1, "outgoing_allow": f"{HOST}/32"}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with listening(HOST) as server:
        yield server


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        await running.register_types()
        await running.maintained()
        yield running


async def told(system: System, server: Server, **fields: object) -> str:
    """Make a webhook of that server; its secret."""
    url = f"http://{HOST}:{server.port}/hook"
    made = await WebhookActions(system.store).create("billing", {"url": url} | fields, "ann")
    assert made.secret is not None
    return made.secret


async def delivered(system: System) -> StoredDelivery:
    """The one delivery of the webhook, once it was taken."""

    async def there() -> StoredDelivery | None:
        found = await system.store.webhook_history.page("billing")
        assert len(found) <= 1, found
        return found[0] if found and found[0].status is DeliveryStatus.DELIVERED else None

    one = await eventually_async(there, timeout=120)
    assert one is not None
    return one


async def test_a_worker_killed_after_the_receiver_took_it_tells_it_again_under_the_same_id(
    system: System, server: Server
):
    secret = await told(system, server)
    doomed: list[WorkerProcess] = [await system.ready(handlers="", **SHORT)]

    def take_and_kill(_: Heard) -> bytes:
        server.answers["/hook"] = answer()
        doomed[0].kill()
        return answer()

    server.answers["/hook"] = take_and_kill
    (job,) = await system.submit("demo.echo", "x")
    assert await doomed[0].ended() == -signal.SIGKILL
    await system.ready(handlers="", **SHORT)
    one = await delivered(system)
    assert one.job == job
    assert [heard.headers["webhook-id"] for heard in server.heard] == [str(one.id)] * 2
    for heard in server.heard:
        assert Webhook(secret).verify(heard.body, heard.headers)["data"]["id"] == str(job)
    assert server.heard[0].body == server.heard[1].body


@pytest.mark.parametrize("failpoint", ["killed-before-the-completion", "killed-after-the-completion"])
async def test_a_worker_killed_around_the_end_of_a_job_leaves_one_message(
    system: System, server: Server, failpoint: str
):
    await told(system, server)
    server.answers["/hook"] = answer()
    doomed = await system.rigged(failpoint, **SHORT)
    (job,) = await system.submit("demo.echo", "x", retries=2)
    assert await doomed.ended() == -signal.SIGKILL
    await system.ready(handlers="", **SHORT)
    await system.state(job, State.COMPLETED)
    one = await delivered(system)
    assert (one.job, one.number, one.event) == (job, 1, "job.completed")
    assert [json.loads(heard.body)["data"]["id"] for heard in server.heard] == [str(job)]


async def test_a_receiver_that_takes_it_and_drops_its_answer_is_told_again_under_the_same_id(
    system: System, server: Server
):
    await told(system, server)

    def hang_up(_: Heard) -> bytes:
        server.answers["/hook"] = answer()
        raise OSError

    server.answers["/hook"] = hang_up
    await system.ready(handlers="", **SHORT)
    await system.submit("demo.echo", "x")
    one = await delivered(system)
    assert one.attempts == 2
    assert [heard.headers["webhook-id"] for heard in server.heard] == [str(one.id)] * 2


async def test_what_the_leader_ends_is_told(system: System, server: Server):
    await told(system, server)
    server.answers["/hook"] = answer()
    doomed = await system.ready(**SHORT)
    (job,) = await system.submit("rig.sleep", {"seconds": 600, "effects": str(system.effects)}, max_stalls=0)
    await system.state(job, State.RUNNING)
    doomed.kill()
    await system.ready(handlers="", **SHORT)

    async def ended() -> bool:
        if (await system.job(job)).state is State.FAILED:
            return True
        for worker in system.workers[1:]:
            assert worker.alive
        return False

    await eventually_async(ended, timeout=120)
    one = await delivered(system)
    assert (one.job, one.event) == (job, "job.failed")
