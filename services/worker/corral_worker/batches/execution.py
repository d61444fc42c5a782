"""Several attempts that one call of a handler runs, and how claimed jobs become such batches."""

from collections.abc import Callable, Iterable, Sequence

from corral.job.batch import Batch
from corral.job.job import Claimed
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.outcomes import Stop


class BatchExecution:
    """The attempts of one batch. They share a call, its slot and its time; each ends by itself."""

    __slots__ = ("abandoned", "exit", "in_child", "members")

    def __init__(self, members: Sequence[Execution]) -> None:
        """There is at least one, and all are of one type."""
        self.members = list(members)
        self.abandoned = False
        self.exit: BaseException | None = None
        """The SystemExit or KeyboardInterrupt that a task or a callback of the handler raised."""
        self.in_child = self.members[0]
        """The one under whose name a child process runs it."""
        for one in self.members:
            one.batch = self

    @property
    def lead(self) -> Execution:
        """The one in whose name the batch runs: the oldest."""
        return self.members[0]

    @property
    def running(self) -> list[Execution]:
        """Those that have not ended."""
        return [one for one in self.members if one.ending is None]

    @property
    def stopped(self) -> bool:
        """Whether all that have not ended were told to stop: the handler is of no use to any."""
        return all(one.stop is not None for one in self.members if one.ending is None)

    def tell(self, why: Stop) -> None:
        """Pass on what one was told and what is true of all: time is up for the call."""
        if why is Stop.TIMEOUT:
            for one in self.running:
                one.stop = one.stop or why


def batches_of(claimed: Iterable[Claimed], batch_of: Callable[[Claimed], Batch]) -> list[list[Claimed]]:
    """Claimed jobs as they are to be run: those of one type and group together, the oldest first.

    `batch_of` says how jobs of a type are handled together. A suspect is alone, and so is a job that was queued before its
    type had batches.
    """
    found: list[list[Claimed]] = []
    groups: dict[tuple[str, object], list[Claimed]] = {}
    for job in claimed:
        if job.suspect or job.limit_group is None:
            found.append([job])
        else:
            groups.setdefault((job.type, job.limit_group), []).append(job)
    for jobs in groups.values():
        found += _cut(jobs, batch_of(jobs[0]))
    return found


def _cut(jobs: Sequence[Claimed], batch: Batch) -> list[list[Claimed]]:
    """Jobs of one group in batches, none of which has more jobs or more bytes than one may have."""
    cut: list[list[Claimed]] = []
    size = 0
    for job in jobs:
        size += len(job.payload.encode()) if batch.max_bytes is not None else 0
        full = not cut or len(cut[-1]) >= batch.size
        if full or (batch.max_bytes is not None and size > batch.max_bytes):
            cut.append([])
            size = len(job.payload.encode()) if batch.max_bytes is not None else 0
        cut[-1].append(job)
    return cut
