"""Waiting for causes, and what makes them: workers that are soon missed, a pool at rest."""

from uuid import UUID

from tests.fixtures.waiting import eventually_async

from corral.actions.why.cause import Cause
from corral.actions.why.why import Why
from corral.scaling.pool_status import PoolStatus

RESTING = PoolStatus(
    name="io",
    scaled_by="operator",
    minimum=0,
    maximum=20,
    slots=50,
    queues=("demo", "mail"),
    replicas=0,
    ready=0,
    desired=0,
    needed=0,
    reason="Keeping 0: nothing queued, running or due",
    conditions=(),
    backlog_jobs=0,
    backlog_seconds=0.0,
    oldest_seconds=0.0,
    throughput=0.0,
    draining=(),
    paused=False,
    wait_objective=10.0,
    drain_objective=120.0,
    at=1_790_000_000.0,
)
FAST = {"heartbeat": 0.2, "lease": 1.0}


async def codes(why: Why, job: UUID, *expected: str) -> list[Cause]:
    """Wait until exactly these causes hold; each is said in words and lifted by something."""
    found: list[Cause] = []

    async def there() -> bool:
        nonlocal found
        _, found = await why.explain(job)
        assert [cause.code for cause in found] == list(expected)
        return True

    await eventually_async(there, timeout=60)
    assert all(cause.message.endswith(".") and cause.action for cause in found)
    return found
