"""Load tests: many jobs of a few types, at once or spread over time, to watch a system under load."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from corral.actions.access.principal import Principal
from corral.actions.submissions.job_request import NewSubmission
from corral.actions.submissions.json_value import escape
from corral.actions.submissions.submit import Submitter
from corral.errors import FieldError, InvalidInput, TooLarge
from corral.ids import new_id
from corral.job.bounds import Bounds
from corral.job.limits import MAX_BULK
from corral.job.load_mix import dealt
from corral.store.access.audit import Audit

COUNT = Bounds(1, MAX_BULK, "jobs", whole=True)
OVER = Bounds(0, 600, "seconds")
"""Seconds over which the jobs become due."""
MIX = Bounds(1, 10, "job types", whole=True)
SHARE = Bounds(1, 1000, "shares", whole=True)


@dataclass(frozen=True, slots=True)
class LoadTestPart:
    """One job type of a load test."""

    share: int = 1
    """Number of jobs of this type, of as many jobs as all shares add up to."""
    payload: Any = None


@dataclass(frozen=True, slots=True)
class LoadTest:
    """A load test whose jobs are stored."""

    id: UUID
    count: int
    over: float
    """Seconds over which the jobs become due."""

    @property
    def tag(self) -> str:
        """The tag of all of its jobs."""
        return f"load:{self.id}"


class LoadTests:
    """Starts load tests. Their jobs are ordinary ones, stored in one transaction."""

    def __init__(self, submitter: Submitter, audit: Audit) -> None:
        self._submitter = submitter
        self._audit = audit

    async def start(
        self, mix: Mapping[str, LoadTestPart], count: int, over: float, caller: Principal
    ) -> LoadTest:
        """Store `count` jobs that become due evenly over so many seconds, the first at once.

        The audit names the load before its jobs are stored: there may be an entry without jobs, and never jobs
        without one.

        Raises:
            InvalidInput: a bound is broken, a type unknown or a payload wrong; names the field; nothing was stored.
            OutcomeUnknown, Unavailable: as in `Submitter.submit`.
        """
        errors = [*_faults(mix, count, over)] or [
            error for name, part in mix.items() for error in await self._wrong(name, part, caller)
        ]
        if errors:
            raise InvalidInput(*errors)
        load = LoadTest(new_id(), count, over)
        shares = {name: part.share for name, part in mix.items()}
        names = dealt(shares, count)
        details = {"mix": shares, "count": count, "over": over}
        await self._audit.add(caller.name, "start", kind="load", subject=str(load.id), details=details)
        await self._submitter.submit_many(
            [
                _submission(name, mix[name], caller, tag=load.tag, delay=over * index / count or None)
                for index, name in enumerate(names)
            ]
        )
        return load

    async def _wrong(self, name: str, part: LoadTestPart, caller: Principal) -> tuple[FieldError, ...]:
        """What is wrong with one part, by pointers into the load: each is tried once, not once per job."""
        below = f"/mix/{escape(name)}"
        try:
            await self._submitter.prepare(_submission(name, part, caller))
        except InvalidInput as error:
            return tuple(FieldError(_place(below, one.pointer), one.message) for one in error.errors)
        except TooLarge as error:
            return (FieldError(f"{below}/payload", str(error)),)
        return ()


def _submission(
    name: str, part: LoadTestPart, caller: Principal, *, tag: str | None = None, delay: float | None = None
) -> NewSubmission:
    return NewSubmission(
        type=name,
        payload=part.payload,
        delay=delay,
        tags=(tag,) if tag else (),
        created_by=caller.name,
    )


def _faults(mix: Mapping[str, LoadTestPart], count: int, over: float) -> Iterator[FieldError]:
    given: list[tuple[str, float, Bounds]] = [("/mix", len(mix), MIX)]
    given += [(f"/mix/{escape(name)}/share", part.share, SHARE) for name, part in mix.items()]
    for pointer, value, bounds in [*given, ("/count", count, COUNT), ("/over", over, OVER)]:
        if (fault := bounds.fault(value)) is not None:
            yield FieldError(pointer, fault)


def _place(below: str, pointer: str) -> str:
    """Where a fault of a submission is in the load: an unknown type is the member itself."""
    return below if pointer == "/type" else f"{below}{pointer}"
