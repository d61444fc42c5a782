from collections.abc import AsyncIterator

import pytest
from tests.contract.subjects import of_store

from corral_testing.conformance import StoreConformance
from corral_testing.subject import Subject


class TestStore(StoreConformance):
    @pytest.fixture
    async def subject(self, database_url: str) -> AsyncIterator[Subject]:
        async with of_store(database_url) as subject:
            yield subject
