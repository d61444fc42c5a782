"""Handlers whose files go to a bucket: kept there, from every executor, and tried again while it is away."""

from typing import Any

import pytest
from tests.fixtures.servers.object_server import ACCESS_KEY, SECRET_KEY, ObjectServer
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.system import System

from corral.job.state import State
from corral.store import Store


def settings(server: ObjectServer) -> dict[str, Any]:
    return {
        "artifact_store": "s3",
        "artifact_bucket": server.bucket().name,
        "artifact_endpoint": server.url,
        "artifact_access_key": ACCESS_KEY,
        "artifact_secret_key": SECRET_KEY,
    }


@pytest.mark.slow
async def test_an_attempt_that_finds_the_bucket_away_is_tried_again(
    system: System, own_object_server: ObjectServer
):
    chosen = settings(own_object_server)
    own_object_server.stop()
    await system.maintained(heartbeat=5, lease=20)
    worker = await system.ready(**chosen)
    await eventually_async(lambda: worker.said("artifacts.unavailable"))
    (job,) = await system.submit(
        "report.generate",
        {"title": "Orders", "rows": [{"region": "North", "orders": 3}]},
        queue="reports",
        retries=9,
    )

    async def failed_once() -> bool:
        return (await system.job(job)).error is not None

    await eventually_async(failed_once, timeout=90)
    error = (await system.job(job)).error
    assert error is not None
    assert f"bucket {chosen['artifact_bucket']} at {own_object_server.url} can't be reached" in str(error)
    own_object_server.start()
    ended = await system.state(job, State.COMPLETED)
    store = Store.open(
        system.database_url, pool_size=1, bucket=own_object_server.bucket(chosen["artifact_bucket"])
    )
    (pdf,) = [one for one in await store.artifacts.list(job) if one.name == ended.result["name"]]
    content = b"".join([piece async for piece in store.artifacts.read(pdf)])
    assert (pdf.keeper, content[:5]) == ("s3", b"%PDF-")
    assert SECRET_KEY not in worker.output
    await store.close()
