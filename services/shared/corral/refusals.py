"""Why jobs of a submission are not stored although they are valid: a limit is full, or another job holds their unique key."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self
from uuid import UUID

from corral.errors import Conflict, CorralError
from corral.settings.caller_rate import CallerRate


class RefusedBecause(StrEnum):
    """Why a job is not stored."""

    FULL = "full"
    """As many of the key run and wait as may run, and its limit refuses further ones."""
    TOO_MANY_WAIT = "too-many-wait"
    """As many of the key wait as may wait."""


@dataclass(frozen=True, slots=True)
class RefusedJob:
    """One job that is not stored, and the key that refuses it, as it was then."""

    index: int
    """Where it is in its submission."""
    job: UUID
    because: RefusedBecause
    limit: str
    key: str
    """Empty for the whole limit."""
    may: int
    """How many may run, or may wait."""
    running: int
    waiting: int
    holders: tuple[UUID, ...]

    def __str__(self) -> str:
        what = f"limit {self.limit}" + (f" for {self.key}" if self.key else "")
        if self.because is RefusedBecause.TOO_MANY_WAIT:
            return f"{self.waiting:,} jobs wait for the {what}, and at most {self.may:,} may; try again later"
        held = f": {', '.join(map(str, self.holders))}" if self.holders else ""
        more = " and others" if self.running + self.waiting > len(self.holders) else ""
        return (
            f"the {what} is full: {self.running:,} of its jobs run and {self.waiting:,} wait, and it takes"
            f" {self.may:,}{held}{more}"
        )


class LimitFull(Conflict):
    """A limit refuses jobs of a submission, which is refused as a whole; nothing of it was stored."""

    def __init__(self, size: int, refused: tuple[RefusedJob, ...]) -> None:
        """`size`: how many jobs the submission has."""
        self.refused = refused
        first = refused[0]
        super().__init__(f"{_counted(len(refused), size, 'refused', first.index)}{first}")

    def of(self, ids: Sequence[UUID]) -> Self:
        """The same about a submission of these jobs, some of which were not looked at together with the refused ones."""
        places = {job: place for place, job in enumerate(ids)}
        return type(self)(
            len(ids), tuple(replace(one, index=places.get(one.job, one.index)) for one in self.refused)
        )


class TooManyWaiting(LimitFull):
    """As many jobs wait for the limit as may."""


@dataclass(frozen=True, slots=True)
class DuplicateOf:
    """A job that is refused, because another one holds its unique key."""

    index: int
    """Where it is in its submission."""
    job: UUID
    """The job that holds the key."""
    key: str
    rule: str


class Duplicate(Conflict):
    """A submission holds a duplicate of a unique job, and is refused as a whole; nothing of it was stored."""

    def __init__(self, size: int, found: tuple[DuplicateOf, ...]) -> None:
        """`size`: how many jobs the submission has."""
        self.size, self.found = size, found
        first = found[0]
        where = _counted(len(found), size, "duplicates", first.index)
        super().__init__(f"{where}job {first.job} holds the unique key {first.key!r:.200}")


class RateExceeded(CorralError):
    """A caller asks more than it may in a time; nothing was done."""

    def __init__(self, name: str, rate: CallerRate, seconds: float) -> None:
        """`name`: of what there was too much, `requests` or `jobs`; `seconds`: until there is room for one."""
        self.name, self.rate, self.seconds = name, rate, seconds
        super().__init__(f"{name} of one caller may be {rate}; ask again in {seconds:.3g} s")


def _counted(count: int, size: int, what: str, first: int) -> str:
    """How many jobs of a submission are `what`, before a text about the first of them; nothing where it has one job."""
    return f"{count:,} of {size:,} jobs are {what}, the first at index {first}: " if size > 1 else ""
