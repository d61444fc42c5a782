"""Why a job will not succeed: effects that an attempt of it began, and of which nobody knows whether they are done."""

import shlex
from collections.abc import Iterator, Sequence

from corral.actions.submissions.known_type import KnownType
from corral.actions.why.cause import Cause
from corral.job.effect import IfPerhapsDone
from corral.job.job import Job
from corral.store import Store


async def unended(store: Store, job: Job, known: KnownType | None) -> list[str]:
    """The names of effects that keep the job's next attempt from succeeding; none where its type does them again."""
    if not job.attempt or (known and known.options.perhaps_done is IfPerhapsDone.REPEAT):
        return []
    return [one.name for one in await store.effects.of(job.id) if one.ended_at is None]


def perhaps_done(job: Job, names: Sequence[str]) -> Iterator[Cause]:
    """One cause for each of these effects."""
    for name in names:
        yield Cause(
            "perhaps-done",
            f"Its effect {name!r} was begun and never ended: the next attempt fails, as it is perhaps done.",
            "Find out whether it is done, and say so",
            f"corral jobs settle {job.id} {shlex.quote(name)} --done",
            "POST",
            f"/api/v1/jobs/{job.id}/settle",
        )
