"""The answer to a write of an outcome: what it made of the job."""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from corral.job.job import Accepted
from corral.job.priority import Priority
from corral.job.state import State
from corral.store.postgres.connections import Row

LIMITED = (9, 12)
"""Columns of an answer that tells of limits: without follow-ups, and with them."""
STATES = {state.value: state for state in State}
PRIORITY_OF = {priority.value: priority for priority in Priority}


class Verdict(StrEnum):
    """What became of the write of an outcome."""

    RECORDED = "recorded"
    ALREADY = "already"
    """An earlier write of the same outcome had arrived."""
    FENCED = "fenced"
    """The attempt is no longer the job's own; nothing was written."""


class Recorded(NamedTuple):
    """The answer to one Finished. `state` and what follows it are None where the job is gone."""

    id: UUID
    attempt: int
    verdict: Verdict
    state: State | None
    due_in: float
    """Seconds until a scheduled job is due."""
    queue: str | None
    priority: Priority | None
    suspect: bool
    follow_ups: tuple[Accepted, ...] = ()
    """Those of the attempt that are stored with this outcome."""
    limits: tuple[str, ...] = ()
    """What its end gave back: limits, and keys of them, as `LimitUse.name` spells them."""
    limit_group: UUID | None = None
    promoted: tuple[Accepted, ...] = ()
    """Jobs that waited for the end of one that was written with this one, and go on."""


def recorded_from(row: Row, verdict: Verdict) -> Recorded:
    """What a row says that an ending, or its reading again, has returned."""
    id, attempt, state, due_in, queue, priority, suspect, *rest = row
    limits, limit_group = rest[:2] if len(row) in LIMITED else ((), None)
    return Recorded(
        id,
        attempt,
        verdict,
        STATES.get(state),
        max(0.0, due_in),
        queue,
        PRIORITY_OF.get(priority),
        bool(suspect),
        (),
        tuple(limits or ()),
        limit_group,
    )
