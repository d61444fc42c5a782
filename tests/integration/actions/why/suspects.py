"""Jobs whose worker was killed."""

import signal
from uuid import UUID

from tests.fixtures.waiting import eventually_async
from tests.integration.actions.why.causes import FAST
from tests.integration.worker.system import System

from corral.job.state import State


async def suspects(system: System) -> list[UUID]:
    """Two jobs whose worker was killed while it ran both."""
    worker = await system.ready(**FAST)
    found = await system.submit("demo.sleep", {"seconds": 300}, count=2)
    for job in found:
        await system.state(job, State.RUNNING)
    worker.kill()
    keeper = await system.maintained()

    async def both() -> bool:
        return all([(await system.job(job)).suspect for job in found])

    await eventually_async(both, timeout=60)
    keeper.send(signal.SIGTERM)
    await keeper.ended()
    return found
