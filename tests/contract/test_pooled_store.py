"""The store's suite through a pooler in transaction mode, where PgBouncer is on PATH.

The pooler keeps two server connections and knows nothing of prepared statements,
so whatever a session should remember would be missed, or met by somebody else.
"""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.contract.subjects import of_store
from tests.fixtures.servers.pooler import PGBOUNCER, pooler, through

from corral_local.servers.postgres import EmbeddedPostgres
from corral_testing.conformance import StoreConformance
from corral_testing.subject import Subject


@pytest.fixture(scope="module")
def pooled_server(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """One for all: a process for each test would take half of their time."""
    with pooler(postgres_server.url) as pooled:
        yield pooled


@pytest.mark.needs("pgbouncer", PGBOUNCER is not None, "Debian and Ubuntu: apt install pgbouncer")
class TestStoreBehindAPooler(StoreConformance):
    @pytest.fixture
    async def subject(self, database_url: str, pooled_server: str) -> AsyncIterator[Subject]:
        async with of_store(database_url, through(pooled_server, database_url)) as subject:
            yield subject
