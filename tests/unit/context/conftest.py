"""A context whose link notes what it is told."""

import pytest
from tests.unit.context.noted import CLAIMED, Noted

from corral.context import SyncContext


@pytest.fixture
def line() -> Noted:
    return Noted()


@pytest.fixture
def ctx(line: Noted) -> SyncContext:
    return SyncContext(CLAIMED, line, None)
