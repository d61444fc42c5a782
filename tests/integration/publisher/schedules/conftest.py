"""A publisher and a store without schedules, and nobody who leads."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.integration.publisher.schedules.schedule_api import store_without_schedules

from corral.settings import Settings
from corral.store import Store


@pytest.fixture(scope="module")
def settings(shared_settings: Settings) -> Settings:
    return replace(shared_settings, maintenance_enabled=False)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    async with store_without_schedules(settings) as opened:
        yield opened
