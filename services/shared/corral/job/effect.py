"""Effects that must not be repeated (`ctx.once`): what is known of one, and what may follow where its end is unknown."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

MAX_EFFECT_NAME = 200
"""Characters."""


class IfPerhapsDone(StrEnum):
    """What an attempt does that finds an effect that was begun, and of which nobody knows whether it is done."""

    FAIL = "fail"
    """It fails for good, until a person settles the effect."""
    REPEAT = "repeat"
    """It does it again."""


@dataclass(frozen=True, slots=True)
class EffectBegin:
    """The answer to an attempt that wants to begin an effect: `token` where it may, else the receipt of who did it."""

    token: UUID | None
    receipt: str | None = None
    """JSON text."""
    perhaps_done_by: int | None = None
    """The attempt that began it and left no end, where this attempt may not begin it."""


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect of a job, as stored. It is perhaps done while `ended_at` is null and its job does not run."""

    name: str
    attempt: int
    """The attempt that began it last."""
    began_at: datetime
    ended_at: datetime | None
    receipt: Any
    """JSON; null until it ended, and where there is none."""
    settled_by: str | None
    """Who said that it is done, where no attempt did."""
