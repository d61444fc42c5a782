"""A store, a dispatch, and prepared jobs."""

from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest
from tests.integration.actions.gate import Gate

from corral.actions.submissions.group_commit import GroupCommit
from corral.ids import new_id
from corral.job.job import NewJob
from corral.store import Store
from corral_testing.values import new_job


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store.open(database_url, pool_size=5, application_name="test")
    yield opened
    await opened.close()


Make = Callable[..., NewJob]


@pytest.fixture
def make() -> Make:
    """A job to be inserted; `payload` is its JSON text."""

    def make(payload: str = "{}", job_id: UUID | None = None, delay: float = 0.0) -> NewJob:
        return new_job(
            id=job_id or new_id(),
            type="test.anything",
            queue="post",
            payload=payload,
            delay=delay,
            retries=3,
            timeout=60,
            max_stalls=2,
        )

    return make


@pytest.fixture
def gate(store: Store) -> Gate:
    return Gate(store)


@pytest.fixture
def commits(gate: Gate) -> GroupCommit:
    return GroupCommit(gate.insert, gate.existing)
