"""A clock that runs ten times as fast."""

import pytest
from tests.integration.operator.operating import PACE

from corral.scaling.startup_time import StartLine
from corral_operator import scale_down, standstill, victim


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(victim, "ANSWER_VALID_SECONDS", victim.ANSWER_VALID_SECONDS * PACE)
    monkeypatch.setattr(scale_down, "ANSWER_VALID_SECONDS", scale_down.ANSWER_VALID_SECONDS * PACE)
    monkeypatch.setattr(scale_down, "ABSENT_SECONDS", scale_down.ABSENT_SECONDS * PACE)
    monkeypatch.setattr(standstill, "CONDITION_SECONDS", 0.5)
    monkeypatch.setattr(standstill, "USUAL_START_SECONDS", 0.1)
    monkeypatch.setattr(StartLine, "of", lambda *_: 2.0 * PACE)
