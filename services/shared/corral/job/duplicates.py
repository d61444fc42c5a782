"""What becomes of submissions whose jobs are unique, decided over what is stored of their keys (protocol rule 33).

Submissions are taken in the order of their arrival, each as if those before it were stored already. Nothing is read or
written here: the store locks the keys, reads them, and writes what was decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never
from uuid import UUID

from corral.job.job import NewJob
from corral.job.limit_use import LimitUses, group_of
from corral.job.priority import Priority
from corral.job.state import WAITING, State
from corral.job.unique import Deduplication, OnDuplicate, UniqueKey


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job that holds a key, or waits for it, as it was read."""

    id: UUID
    state: State
    queue: str = ""
    priority: Priority = Priority.NORMAL
    removed: bool = False
    """Retention has removed it."""


@dataclass(frozen=True, slots=True)
class KeySeen:
    """A key as it was read: who holds it, and whether it is held although its holder has ended."""

    holder: JobSeen
    waiting: JobSeen | None = None
    open: bool = False
    """Its time is not over. A key without a time is held while its holder is live."""
    over: bool = False
    """It had a time, which is over: whoever comes takes it."""

    @property
    def held(self) -> bool:
        """Whether somebody holds it."""
        if self.over:
            return False
        return self.open or self.waiting is not None or not self.holder.state.terminal


@dataclass(frozen=True, slots=True)
class JobAnswer:
    """What became of one job of a submission."""

    job: UUID
    """The job that is told: its own, or the one that holds the key."""
    duplicate: Deduplication | None = None
    """None: it is a new job."""


@dataclass(slots=True)
class Decisions:
    """What is to be written, and what is answered."""

    answers: list[list[JobAnswer] | None] = field(default_factory=list)
    """For each submission; None where it is refused as a whole, and nothing of it is stored."""
    refused: list[dict[int, UUID]] = field(default_factory=list)
    """For each submission: which of its jobs are refused, by index, and who holds their keys."""
    new: dict[UUID, NewJob] = field(default_factory=dict)
    """Jobs to insert."""
    payloads: dict[UUID, NewJob] = field(default_factory=dict)
    """What stored jobs take over, by their ids."""
    keys: dict[str, "KeyTaken"] = field(default_factory=dict)
    """Keys whose row changes."""


@dataclass(frozen=True, slots=True)
class KeyTaken:
    """What a row of a key is from now on."""

    unique: UniqueKey
    holder: UUID
    waiting: UUID | None
    newest: UUID
    """The submission that changed it last."""
    anew: bool
    """Its time begins now."""


def decide(
    seen: Mapping[str, KeySeen], submissions: Sequence[Sequence[NewJob]], *, partial: bool
) -> Decisions:
    """What becomes of the jobs of each submission.

    Args:
        seen: the keys that are stored, by name; one that is not there is free.
        submissions: jobs that are stored together or, without `partial`, not at all.
        partial: whether a refused job leaves the others of its submission alone.
    """
    made = Decisions()
    now = dict(seen)
    for jobs in submissions:
        step = _OneByOne(now, made)
        answers = [step.take(job) for job in jobs]
        refused = {at: one.job for at, one in enumerate(answers) if one.duplicate is Deduplication.REFUSED}
        made.refused.append(refused)
        if refused and not partial:
            made.answers.append(None)
            continue
        made.answers.append(answers)
        now |= step.keys
        made.new |= step.new
        made.payloads |= step.payloads
        made.keys |= step.taken
    return made


class _OneByOne:
    """One submission over what was decided before it; forgotten where it is refused as a whole."""

    def __init__(self, before: Mapping[str, KeySeen], made: Decisions) -> None:
        self._before, self._made = before, made
        self.keys: dict[str, KeySeen] = {}
        self.new: dict[UUID, NewJob] = {}
        self.payloads: dict[UUID, NewJob] = {}
        self.taken: dict[str, KeyTaken] = {}

    def take(self, job: NewJob) -> JobAnswer:
        if job.unique is None:
            self.new[job.id] = job
            return JobAnswer(job.id)
        name = job.unique.name
        seen = self.keys.get(name) or self._before.get(name)
        if seen is None or not seen.held:
            return self._hold(job, job.unique)
        match job.unique.on_duplicate:
            case OnDuplicate.EXISTING:
                answer = JobAnswer(seen.holder.id, Deduplication.EXISTING)
            case OnDuplicate.REFUSE:
                answer = JobAnswer(seen.holder.id, Deduplication.REFUSED)
            case OnDuplicate.REPLACE:
                answer = self._replace(job, job.unique, seen) or self._hold(job, job.unique)
            case OnDuplicate.KEEP_LATEST:
                behind = self._wait if seen.holder.state is State.RUNNING else None
                answer = self._replace(job, job.unique, seen) or (
                    behind(job, job.unique, seen) if behind else self._hold(job, job.unique)
                )
            case _:  # pragma: no cover
                assert_never(job.unique.on_duplicate)
        return answer

    def _hold(self, job: NewJob, unique: UniqueKey) -> JobAnswer:
        self.new[job.id] = job
        self.keys[unique.name] = KeySeen(_new(job))
        self.taken[unique.name] = KeyTaken(unique, job.id, None, job.id, anew=True)
        return JobAnswer(job.id)

    def _wait(self, job: NewJob, unique: UniqueKey, seen: KeySeen) -> JobAnswer:
        self.new[job.id] = job
        self.keys[unique.name] = replace(seen, waiting=_new(job))
        self.taken[unique.name] = KeyTaken(unique, seen.holder.id, job.id, job.id, anew=False)
        return JobAnswer(job.id)

    def _replace(self, job: NewJob, unique: UniqueKey, seen: KeySeen) -> JobAnswer | None:
        """The newest that waits takes the payload; None where none waits."""
        target = seen.waiting or seen.holder
        if target.state not in WAITING:
            return None
        known = self.new.get(target.id) or self._made.new.get(target.id)
        if known is not None:
            self.new[target.id] = taking_over(known, job)
        else:
            self.payloads[target.id] = replace(
                job, limits=in_group(job.limits, target.queue, target.priority), priority=target.priority
            )
        waiting = None if seen.waiting is None else seen.waiting.id
        before = self.taken.get(unique.name) or self._made.keys.get(unique.name)
        self.taken[unique.name] = (
            replace(before, newest=job.id)
            if before is not None
            else KeyTaken(unique, seen.holder.id, waiting, job.id, anew=False)
        )
        return JobAnswer(target.id, Deduplication.REPLACED)


def taking_over(first: NewJob, later: NewJob) -> NewJob:
    """A job that is not stored yet, with what a later submission of its key asks for; id, queue and priority stay."""
    return replace(
        later,
        id=first.id,
        queue=first.queue,
        priority=first.priority,
        limits=in_group(later.limits, first.queue, first.priority),
        created_by=first.created_by,
        parent=first.parent,
    )


def in_group(limits: LimitUses | None, queue: str, priority: Priority) -> LimitUses | None:
    """What a job takes of limits, where it waits in another queue or with another priority."""
    return limits and limits._replace(group=group_of(queue, priority, limits.names))


def _new(job: NewJob) -> JobSeen:
    return JobSeen(job.id, State.QUEUED, job.queue, job.priority)
