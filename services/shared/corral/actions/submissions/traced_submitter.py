"""A submitter whose jobs have spans: one for each submission, whose context travels with its jobs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from corral.actions.submissions.job_request import NewSubmission
from corral.actions.submissions.submit import Submitter
from corral.actions.submissions.traced_enqueuer import TracedEnqueuer
from corral.dispatch import Dispatch
from corral.job.job import Accepted, NewJob
from corral.job.state import State
from corral.store import EarlierRequest, Store
from corral.tracing import trace_context
from corral.tracing.activation import tracer


def submitter_class() -> type[Submitter]:
    """The class of this process's submitters: without tracing the plain one."""
    return Submitter if tracer() is None else TracedSubmitter


class TracedSubmitter(Submitter):
    """Submits jobs, and makes the spans of it."""

    def __init__(self, store: Store, dispatch: Dispatch, *args: Any, **kwargs: Any) -> None:
        super().__init__(store, dispatch, *args, **kwargs)
        self._traced = self._enqueuer = TracedEnqueuer(dispatch)

    async def prepare(self, submission: NewSubmission, job_id: UUID | None = None) -> NewJob:
        """As without tracing; the job belongs to the span in which this runs, where somebody else stores it."""
        job = await super().prepare(submission, job_id)
        job.traceparent = trace_context.current() or job.traceparent
        return job

    async def submit_once(
        self, submissions: Sequence[NewSubmission], jobs: Sequence[NewJob], key: str
    ) -> list[Accepted] | EarlierRequest:
        """As without tracing. A request that was sent before stores nothing, and its span says so."""
        with _sending(jobs) as note:
            answer = await super().submit_once(submissions, jobs, key)
            note("corral.submission.repeated", isinstance(answer, EarlierRequest))
            return answer

    async def _store(self, jobs: Sequence[NewJob], *, partial: bool = False) -> Sequence[Accepted]:
        with _sending(jobs):
            return await super()._store(jobs, partial=partial)

    def told(
        self, jobs: Sequence[NewJob], accepted: Sequence[Accepted], sizes: Sequence[int] | None = None
    ) -> None:
        """As without tracing."""
        queued = {one.id for one in accepted if one.state is State.QUEUED}
        self._traced.expect({job.id: job.traceparent for job in jobs if job.traceparent and job.id in queued})
        super().told(jobs, accepted, sizes)


@contextmanager
def _sending(jobs: Sequence[NewJob]) -> Iterator[Any]:
    """The span of storing jobs together; each job gets its context. It takes further attributes."""
    from corral.tracing.tracer import Operation, header_of, within  # noqa: PLC0415  only with tracing

    making = tracer()
    if making is None or not jobs:  # the process is stopping
        yield lambda *_: None
        return
    first = jobs[0]
    attributes: dict[str, Any] = {"corral.job.type": first.type, "corral.job.priority": first.priority.value}
    if len(jobs) == 1:
        attributes["messaging.message.id"] = str(first.id)
    else:
        attributes["messaging.batch.message_count"] = len(jobs)
    parent = trace_context.current() or first.traceparent
    span = making.operation(Operation.SEND, first.queue, parent=parent, attributes=attributes)
    header = header_of(span)
    for job in jobs:
        job.traceparent = header
    with within(span):
        yield span.set_attribute
