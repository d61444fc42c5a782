"""What a submission finds at limits that are full: whether each of its jobs is stored, and what ends in its favour.

Pure: the keys are read before, under their locks, and what is decided here is written after.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from corral.job.limit_use import parsed
from corral.refusals import RefusedBecause, RefusedJob


class WhenFull(StrEnum):
    """What a submission does that finds its limit full. Full is a key of which as many run and wait as may run."""

    QUEUE = "queue"
    """The job waits."""
    REFUSE = "refuse"
    """The submission is refused, with the jobs that hold the limit."""
    SUPERSEDE = "supersede"
    """All of its key that does not run ends in its favour."""
    CANCEL_RUNNING = "cancel-running"
    """As supersede, and the oldest running job of the key is asked to stop."""


@dataclass(slots=True, kw_only=True)
class KeyLoad:
    """The jobs of one key of a limit, or of its total, as they are counted while jobs are admitted."""

    name: str
    """As `LimitUse.name` spells it."""
    when_full: WhenFull = WhenFull.QUEUE
    bound: float | None = None
    """How many may run; None: no bound."""
    max_waiting: int | None = None
    running: int = 0
    stopping: int = 0
    """Those of the running ones that were asked to stop."""
    waiting: int = 0
    """Queued and scheduled, also to be tried again."""
    holders: Sequence[UUID] = ()
    """Some of these jobs, those that run first."""

    @property
    def full(self) -> bool:
        """Whether one more job has to wait."""
        return self.bound is not None and self.running + self.waiting + 1 > self.bound

    @property
    def will_have_room(self) -> bool:
        """Whether one more may run once those have ended that were asked to stop."""
        return self.bound is None or self.running - self.stopping + 1 <= self.bound

    @property
    def refuses(self) -> RefusedBecause | None:
        """Why one more job is not stored; None where it is."""
        if self.when_full is WhenFull.REFUSE and self.full:
            return RefusedBecause.FULL
        if self.max_waiting is not None and self.waiting + 1 > self.max_waiting:
            return RefusedBecause.TOO_MANY_WAIT
        return None


@dataclass(frozen=True, slots=True)
class Counted:
    """A job that is about to be stored, and the names that count it."""

    id: UUID
    names: Sequence[str]


@dataclass(slots=True)
class Admission:
    """What is decided about the jobs of one transaction."""

    refused: list[RefusedJob] = field(default_factory=list)
    superseding: dict[str, UUID] = field(default_factory=dict)
    """Of each key whose waiting jobs end: the job in whose favour."""
    kept: dict[str, list[UUID]] = field(default_factory=dict)
    """Of each key the new jobs that wait all the same: those since the last one that superseded."""
    stopping: dict[str, int] = field(default_factory=dict)
    """Of each key: how many of the oldest running jobs are asked to stop."""


def admit(jobs: Iterable[Counted], loads: Mapping[str, KeyLoad]) -> Admission:
    """Decide about jobs in their order. `loads` hold every name that counts one of them, and are counted on."""
    admission = Admission()
    for index, job in enumerate(jobs):
        keys = [loads[name] for name in job.names]
        refusing = next(((key, why) for key in keys if (why := key.refuses) is not None), None)
        if refusing is not None:
            admission.refused.append(_refused(index, job, *refusing))
            continue
        for key in keys:
            _make_room(admission, key, job.id)
            key.waiting += 1
            admission.kept.setdefault(key.name, []).append(job.id)
    return admission


def _make_room(admission: Admission, key: KeyLoad, job: UUID) -> None:
    if not key.full or key.when_full not in (WhenFull.SUPERSEDE, WhenFull.CANCEL_RUNNING):
        return
    if key.waiting:
        admission.superseding[key.name] = job
        admission.kept[key.name] = []
        key.waiting = 0
    if key.when_full is WhenFull.CANCEL_RUNNING and not key.will_have_room:
        admission.stopping[key.name] = admission.stopping.get(key.name, 0) + 1
        key.stopping += 1


def _refused(index: int, job: Counted, key: KeyLoad, because: RefusedBecause) -> RefusedJob:
    limit, value = parsed(key.name)
    may = key.max_waiting if because is RefusedBecause.TOO_MANY_WAIT else key.bound
    return RefusedJob(
        index=index,
        job=job.id,
        because=because,
        limit=limit,
        key=value,
        may=int(may or 0),
        running=key.running,
        waiting=key.waiting,
        holders=tuple(key.holders),
    )
