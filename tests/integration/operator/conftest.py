"""Workers that start ten times as fast; `operating` has the rest of that pace."""

import pytest
from tests.integration.operator.operating import PACE

from corral.scaling.startup_time import StartLine


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StartLine, "of", lambda *_: 2.0 * PACE)
