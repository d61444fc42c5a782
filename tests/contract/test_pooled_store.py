"""The store's suite through a pooler in transaction mode, where PgBouncer is on PATH.

The pooler keeps two server connections and knows nothing of prepared statements,
so whatever a session should remember would be missed, or met by somebody else.
"""

from collections.abc import AsyncIterator

import pytest
from tests.contract.subjects import of_store
from tests.fixtures.pooler import PGBOUNCER, pooler

from corral_testing.conformance import StoreConformance
from corral_testing.subject import Subject


@pytest.mark.needs("pgbouncer", PGBOUNCER is not None, "Debian and Ubuntu: apt install pgbouncer")
class TestStoreBehindAPooler(StoreConformance):
    @pytest.fixture
    async def subject(self, database_url: str) -> AsyncIterator[Subject]:
        with pooler(database_url) as pooled:
            async with of_store(database_url, pooled) as subject:
                yield subject
